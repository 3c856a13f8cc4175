"""As many sources a class as its standard error needs: more are taken until sampling adds less than a tenth to it.

Two parts make up the variance of a class's score: that of other points drawn from the population, which the influences
add up to and more sources do not lower, and that of the draw of sources. From few sources the influences are noisy
too, and noise only adds to a sum of squares. So each round of sixteen sources gives influences of its own: products
of two different rounds' influences have no noise in common, and their mean over all pairs of R rounds,
``(|sum I_r|^2 - sum |I_r|^2) / (R (R - 1))``, estimates the first part as all sources would give it. A class has
enough sources when its whole variance, as it will be reported, is at most 1.1 squared times that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from s3prl_convexprune.convexity.graph import Edges
from s3prl_convexprune.convexity.jackknife import estimate_class
from s3prl_convexprune.convexity.lanes import LANES
from s3prl_convexprune.convexity.path_search import ClassSums, PathSearch
from s3prl_convexprune.convexity.paths import by_classes

ADDED = 0.1  # of the standard error, at most


class _Growing:
    """A class whose sources are searched round by round, in an order drawn before."""

    def __init__(self, order: np.ndarray) -> None:
        self.order, self.used, self.rounds = order, 0, 0
        self.sums: ClassSums | None = None
        self.influence: np.ndarray | float = 0.0
        self.squares = 0.0

    @property
    def next(self) -> np.ndarray:
        return self.order[self.used : self.used + LANES]

    def add(self, sums: ClassSums, codes: np.ndarray) -> None:
        self.used += int(sums.is_source.sum())
        self.sums = sums if self.sums is None else self.sums.with_more(sums)
        if not self.all_used:
            influence = estimate_class(sums, codes)[1]
            self.rounds += 1
            self.influence = self.influence + influence
            self.squares += float((influence**2).sum())

    @property
    def all_used(self) -> bool:
        return self.used == len(self.order)

    def has_enough(self, codes: np.ndarray) -> bool:
        if self.all_used or self.rounds < 2:
            return self.all_used
        assert self.sums is not None
        of_points = (float(np.square(self.influence).sum()) - self.squares) / (self.rounds * (self.rounds - 1))
        return estimate_class(self.sums, codes)[0].sem ** 2 <= (1 + ADDED) ** 2 * of_points


def sums_from_enough(
    edges: Edges, codes: np.ndarray, measured: np.ndarray, seed: int, n_threads: int, progress: bool = False
) -> Iterator[tuple[int, ClassSums]]:
    """`paths.class_sums` from as many sources of each class as its error needs.

    Args:
        edges: the neighbourhood graph.
        codes: ``[N]`` int32, the class of each point.
        measured: which classes.
        seed: of the order in which a class's points become sources.
        n_threads: worker threads; their number changes no bit.
        progress: show a bar.

    Yields:
        The code of each class, with its sums; `is_source` says which points were sources.
    """
    rng = np.random.default_rng(seed)
    orders = {int(c): rng.permutation(np.flatnonzero(codes == c)) for c in np.flatnonzero(measured)}

    def find(search: PathSearch, base: int, width: int, bar: tqdm) -> list[tuple[int, ClassSums]]:
        found = {c: _Growing(order) for c, order in orders.items() if base <= c < base + width}
        growing = dict(found)
        while growing:
            sources = np.concatenate([one.next for one in growing.values()])
            before = np.concatenate([one.order[: one.used] for one in growing.values()])
            for c, sums in search.sums(sources, base, width, n_threads, bar, before=before):
                growing[c].add(sums, codes)
                if growing[c].has_enough(codes):
                    bar.update(len(growing[c].order) - growing[c].used)
                    del growing[c]
        return [(c, one.sums) for c, one in found.items() if one.sums is not None]

    return by_classes(edges, codes, find, sum(map(len, orders.values())), progress)
