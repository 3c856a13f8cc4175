"""What is drawn at random, when it is asked for: the points that paths start from, and pairs; all by a seed."""

from __future__ import annotations

import numpy as np

from s3prl_convexprune.convexity.graph import Edges, NeighborGraph
from s3prl_convexprune.convexity.paths import drawn_pair_shares


def of_one_place(graph: NeighborGraph, codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Which classes consist of copies of one point: all copies of a point are among its neighbours, at distance 0."""
    lists, one_place = graph.lists, np.zeros(len(sizes), bool)
    _, firsts = np.unique(codes, return_index=True)

    def copies(point: int) -> np.ndarray:
        row = slice(lists.indptr[point], lists.indptr[point + 1])
        return lists.indices[row][lists.distances[row] == 0]

    for c, first in enumerate(firsts):
        found = copies(first)
        if graph.owners is not None and len(found):  # those of its own group are neighbours of the others' copies
            found = np.union1d(found, copies(found[0]))
        one_place[c] = np.count_nonzero(codes[np.setdiff1d(found, first)] == c) == sizes[c] - 1
    return one_place


def draw_sources(codes: np.ndarray, measured: np.ndarray, max_sources: int | None, seed: int) -> np.ndarray:
    """The points paths start from, class by class, of the classes that are measured."""
    rng = np.random.default_rng(seed)
    drawn = []
    for c in np.flatnonzero(measured):
        members = np.flatnonzero(codes == c)
        if max_sources is not None and len(members) > max_sources:
            members = np.sort(rng.choice(members, max_sources, replace=False))
        drawn.append(members)
    return np.concatenate(drawn)


def drawn_mean(
    edges: Edges, codes: np.ndarray, measured: np.ndarray, draw_pairs: int, seed: int, n_threads: int
) -> tuple[float, float]:
    """The mean share, in percent, of pairs drawn from every class that is measured, and the error of the draw."""
    rng = np.random.default_rng(seed)
    starts, ends, missed = [], [], []
    for c in np.flatnonzero(measured):
        members = np.flatnonzero(codes == c)
        others = len(members) - 1
        possible = len(members) * others
        drawn = rng.choice(possible, min(possible, draw_pairs), replace=False, shuffle=False)
        start, end = np.divmod(drawn, others)
        missed.append(1 - len(drawn) / possible)
        starts.append(members[start])
        ends.append(members[end + (end >= start)])  # over the point itself
    shares = drawn_pair_shares(edges, codes, np.concatenate(starts), np.concatenate(ends), n_threads)
    variance = 0.0
    for mine, share_missed in zip(
        np.split(shares, np.cumsum([len(start) for start in starts])[:-1]), missed, strict=True
    ):
        variance += share_missed * len(mine) * float(np.var(mine))
    return 100 * float(shares.mean()), 100 * float(np.sqrt(variance)) / len(shares)
