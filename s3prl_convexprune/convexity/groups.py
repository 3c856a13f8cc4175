"""Which points belong together, and what is left out at a time: points of one speaker are not independent.

A class's points are the experimenter's choice; whose points they are is chance. So groups (speakers, sessions,
files) are what the jackknife leaves out, one at a time or a block of several at a time. Two layouts:

- groups that cross the classes (speakers who say every word): B blocks, each a B-th of the groups.
- groups inside the classes (a speaker's sessions, where speakers are the classes): every class is a stratum of its
  own, whose groups are compared with each other alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.inputs import as_codes
from s3prl_convexprune.errors import DataError

MOST_LEFT_OUT = 20  # as many runs without a block at most; more groups are left out in blocks of several
FEWEST = 5  # blocks; with fewer the error is a guess, whatever quantile it is multiplied by


@dataclass(frozen=True)
class Blocks:
    """What is left out at a time.

    Attributes:
        of: ``[N]`` the block that each point is left out with.
        stratum: ``[blocks]`` the class that a block lies in, where groups lie inside the classes; else all 0.
        n_groups: groups.
        degrees: of freedom of the error.
    """

    of: np.ndarray
    stratum: np.ndarray
    n_groups: int
    degrees: int

    @property
    def n_blocks(self) -> int:
        """How many there are."""
        return len(self.stratum)

    def influence(self, without: np.ndarray) -> np.ndarray:
        """What each block adds to the error of a mean.

        The delete-one jackknife's variance (Tukey; Wolter, Introduction to Variance Estimation, 2007, chapter 4) of
        a mean from S groups is ``(S - 1) / S * sum (m_b - mean m)^2``, m_b the mean without group b; over strata it
        adds up. Each block's root of its own term, with its sign, is its influence: squares add up to the variance,
        and because sums of the m_b are linear, those of a difference of two layers to the difference's variance.

        Args:
            without: ``[blocks, ...]`` what was measured without each block.
        """
        influence = np.empty_like(without)
        for c in np.unique(self.stratum):
            mine = self.stratum == c
            size = mine.sum()
            influence[mine] = (without[mine] - without[mine].mean(axis=0)) * np.sqrt((size - 1) / size)
        return influence


def as_blocks(
    groups: Iterable[Hashable], codes: np.ndarray, names: list[Any], n_blocks: int | None = None, seed: int = 1337
) -> Blocks:
    """What is left out at a time.

    Args:
        groups: N groups of any hashable kind.
        codes: ``[N]`` the class of each point.
        names: the classes, for messages.
        n_blocks: blocks of groups; None leaves out one group at a time up to MOST_LEFT_OUT, then that many blocks.
        seed: of the draw of groups into blocks.

    Raises:
        DataError: not one group a point, a single group, more blocks than groups, or a class whose points are all of
            one group, so that nothing of it is left without that group.
    """
    of_point, given = as_codes(groups, len(codes), "group")
    n_groups = len(given)
    if n_groups < 2:
        raise DataError(f"every point is of the group {given[0]!r}; leaving groups out needs at least two")
    pairs = _pairs(codes, of_point)
    groups_of_class = np.bincount(pairs[0], minlength=len(names))
    sizes = np.bincount(codes, minlength=len(names))
    alone = np.flatnonzero((groups_of_class == 1) & (sizes > 1))
    if len(alone):
        if len(pairs[0]) == n_groups == len(names):
            raise DataError(
                "the groups are the labels themselves: without a group its class is gone; name other groups"
            )
        raise DataError(
            f"all points of class {names[alone[0]]!r} are of one group ({given[of_point[codes == alone[0]][0]]!r}): "
            "without it the class is gone; name other groups, or leave the class out"
        )
    if n_blocks is not None and not 2 <= n_blocks <= n_groups:
        raise DataError(f"{n_groups} groups make 2 to {n_groups} blocks, not {n_blocks}")
    inside = len(pairs[0]) == n_groups  # every group in one class
    counted = groups_of_class[groups_of_class > 1]
    if inside and n_blocks is None and n_groups <= 2 * MOST_LEFT_OUT:
        class_of = np.empty(n_groups, np.int64)
        class_of[pairs[1]] = pairs[0]
        keep = sizes[class_of] > 1
        number = np.where(keep, np.cumsum(keep) - 1, -1)
        return Blocks(number[of_point], class_of[keep], n_groups, int((counted - 1).sum()))
    blocks = min(n_groups, n_blocks or MOST_LEFT_OUT)
    order = np.random.default_rng(seed).permutation(n_groups)
    if inside:  # spread each class's groups over as many blocks as it can fill
        class_of = np.empty(n_groups, np.int64)
        class_of[pairs[1]] = pairs[0]
        order = order[np.argsort(class_of[order], kind="stable")]
    block_of = np.empty(n_groups, np.int64)
    block_of[order] = np.arange(n_groups) % blocks
    return Blocks(block_of[of_point], np.zeros(blocks, np.int64), n_groups, blocks - 1)


def as_owners(across: Iterable[Hashable], n_points: int) -> np.ndarray:
    """Groups of any hashable kind by number.

    Raises:
        DataError: not one group a point, or a single group.
    """
    owners, names = as_codes(across, n_points, "group")
    if len(names) < 2:
        raise DataError(f"every point is of the group {names[0]!r}; neighbours across groups need at least two")
    return owners.astype(np.int64)


def most_neighbors(n_points: int, owners: np.ndarray | None) -> int:
    """How many neighbours every point has at least: the others, or those of other groups."""
    return n_points - 1 if owners is None else n_points - int(np.bincount(owners).max())


def check_across(across: Iterable[Hashable], codes: np.ndarray, names: list[Any]) -> np.ndarray:
    """Groups within which there are to be no neighbours, by number.

    Args:
        across: N groups of any hashable kind.
        codes: ``[N]`` the class of each point.
        names: the classes, for messages.

    Raises:
        DataError: not one group a point, a single group, or a class whose points are all of one group, so that none of
            its points could be a neighbour of another.
    """
    owners = as_owners(across, len(codes))
    pairs = _pairs(codes, owners)
    alone = np.flatnonzero((np.bincount(pairs[0], minlength=len(names)) == 1) & (np.bincount(codes) > 1))
    if len(alone):
        raise DataError(
            f"all points of class {names[alone[0]]!r} are of one group: across groups none of them would be a "
            "neighbour of another; name other groups, or leave the class out"
        )
    return owners


def _pairs(codes: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of a class and a group that a point has, once, in order."""
    n_owners = int(owners.max()) + 1
    return np.divmod(np.unique(codes.astype(np.int64) * n_owners + owners), n_owners)
