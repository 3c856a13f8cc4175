"""The scores without a part of the points: the graph is made anew of what is left, nothing is approximated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.groups import Blocks
from s3prl_convexprune.convexity.jackknife import class_mean
from s3prl_convexprune.convexity.paths import class_sums
from s3prl_convexprune.convexity.subgraph import subgraph
from s3prl_convexprune.errors import DataError


def class_scores(
    graph: NeighborGraph, codes: np.ndarray, sources: np.ndarray, n_threads: int, n_neighbors: int | None = None
) -> dict[int, float]:
    """The mean share of each class that has sources, in percent, without its error.

    Args:
        graph: of the points.
        codes: ``[N]`` int32, the class of each point.
        sources: the points that paths start from.
        n_threads: worker threads.
        n_neighbors: K; the graph's own when None.
    """
    found = class_sums(graph.edges(n_neighbors), codes, sources, n_threads, credits=False)
    return {c: 100 * class_mean(sums) for c, sums in found}


def without_blocks(
    graph: NeighborGraph,
    points: np.ndarray | None,
    codes: np.ndarray,
    names: Sequence[Any],
    sources: np.ndarray,
    blocks: Blocks,
    n_neighbors: int,
    n_threads: int,
    progress: bool = False,
) -> np.ndarray:
    """Every measured class's score without each block.

    Args:
        graph: of all points, with a margin.
        points: all points, or None; see `subgraph.subgraph`.
        codes: ``[N]`` the class of each point.
        names: the classes, for messages.
        sources: points of the measured classes that paths start from; those left out are not replaced.
        blocks: what is left out.
        n_neighbors: K.
        n_threads: worker threads.
        progress: show a bar.

    Returns:
        ``[blocks, measured classes]`` in percent.

    Raises:
        DataError: without some block a class has less than two sources, or less than K points are left.
    """
    measured = np.unique(codes[sources])
    is_source = np.zeros(len(codes), bool)
    is_source[sources] = True
    scores = np.empty((blocks.n_blocks, len(measured)))
    for b in tqdm(range(blocks.n_blocks), "groups", disable=None if progress else True, leave=False):
        kept = blocks.of != b
        left = np.bincount(codes[kept & is_source], minlength=len(names))[measured]
        if left.min() < 2:
            raise DataError(
                f"without some of the {blocks.n_groups} groups class {names[measured[left.argmin()]]!r} has less than "
                "two points; leave the class out, or name other groups"
            )
        part = subgraph(graph, points, kept, n_neighbors, n_threads)
        found = class_scores(part, codes[kept], np.flatnonzero(is_source[kept]), n_threads)
        scores[b] = [found[c] for c in measured]
    return scores
