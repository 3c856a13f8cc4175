"""The neighbour graph of some of the points, from lists of all of them that were found once, with a margin.

Of a point's M nearest among all, those that are left are its nearest among what is left; if there are K of them or
more, its K nearest there are known without measuring anything again. Where fewer are left, its distances are
measured anew. So the graph of the points that are left is the one that `NeighborGraph.build` would make of them, and
costs no search.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.groups import most_neighbors
from s3prl_convexprune.convexity.kernels import kernel
from s3prl_convexprune.convexity.knn import Neighbors, Search, _distance, nearest_neighbors
from s3prl_convexprune.convexity.proposing import TIE
from s3prl_convexprune.errors import DataError

SHORT = 0.02  # rows measured anew, over all that is left out, in shares of the points: more, and the margin doubles


def with_margin(
    points: np.ndarray,
    left_out: np.ndarray,
    n_neighbors: int,
    n_threads: int,
    progress: bool = False,
    owners: np.ndarray | None = None,
    search: Search = nearest_neighbors,
) -> NeighborGraph:
    """Neighbour lists so long that nearly every point keeps K of them, whichever block of points is left out.

    Args:
        points: checked points, ``[N, D]``.
        left_out: ``[N]`` the block, counted from 0, that each point is left out with; -1 for those that always stay.
        n_neighbors: K.
        n_threads: worker threads.
        progress: show a bar.
        owners: groups within which there are no neighbours; None for none such.
        search: what finds neighbours.
    """
    n, most = len(points), most_neighbors(len(points), owners)
    margin = min(most, 2 * n_neighbors)
    while True:
        graph = NeighborGraph.build(
            points, margin, across=owners, n_threads=n_threads, progress=progress, search=search
        )
        lists = graph.lists
        if margin == most or _short_rows(lists.indptr, lists.indices, left_out, n_neighbors) <= SHORT * n:
            return graph
        margin = min(most, 2 * margin)


def subgraph(
    graph: NeighborGraph, points: np.ndarray | None, kept: np.ndarray, n_neighbors: int, n_threads: int
) -> NeighborGraph:
    """The graph of some of the points, as `NeighborGraph.build` makes it of them alone.

    Args:
        graph: of all points, with a margin.
        points: ``[N, D]`` all points, for those whose lists turn out too short; None when they are not at hand.
        kept: ``[N]`` bool, which points are left.
        n_neighbors: K.
        n_threads: worker threads.

    Raises:
        DataError: not more than K points are left, or a list is too short and there are no points.
    """
    count = int(kept.sum())
    if n_neighbors >= count:
        raise DataError(f"{n_neighbors} neighbours need at least {n_neighbors + 1} points; {count} are left")
    owners = None if graph.owners is None else graph.owners[kept]
    if n_neighbors > most_neighbors(count, owners):
        raise DataError(
            f"{n_neighbors} neighbours of other groups: once some points are left out, there are "
            f"{most_neighbors(count, owners)} beside the largest group"
        )
    place = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    lists = graph.lists
    counts, indices, distances, short = _restrict(lists.indptr, lists.indices, lists.distances, place, n_neighbors)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    if len(short):
        if points is None:
            raise DataError(
                f"a list of {graph.n_neighbors} neighbours does not hold {n_neighbors} once some points are left out; "
                "build the graph with more, or give the points too"
            )
        given, among = points, points[kept]
        whose = np.arange(count) if owners is None else owners

        def measure(row: int) -> tuple[np.ndarray, np.ndarray]:
            return _nearest(given[row], among, whose, whose[place[row]], n_neighbors)

        with ThreadPoolExecutor(n_threads) as pool:
            measured = list(pool.map(measure, short))
        rows = np.split(indices, indptr[1:-1]), np.split(distances, indptr[1:-1])
        for row, found in zip(short, measured, strict=True):
            for part, own in zip(rows, found, strict=True):
                part[place[row]] = own
            counts[place[row]] = len(found[0])
        indptr = np.concatenate([[0], np.cumsum(counts)])
        indices, distances = (np.concatenate(part) for part in rows)
    return NeighborGraph(count, n_neighbors, Neighbors(indptr, indices, distances), owners)


@kernel()
def _short_rows(indptr, indices, block, k):  # type: ignore[no-untyped-def]
    """How many (point, block) there are whose point keeps less than K of its list without that block."""
    n_blocks = 0
    for v in range(block.shape[0]):
        n_blocks = max(n_blocks, block[v] + 1)
    lost = np.zeros(n_blocks, np.int64)
    short = 0
    for v in range(block.shape[0]):
        lost[:] = 0
        for e in range(indptr[v], indptr[v + 1]):
            if block[indices[e]] >= 0:
                lost[block[indices[e]]] += 1
        for b in range(n_blocks):
            short += b != block[v] and indptr[v + 1] - indptr[v] - lost[b] < k
    return short


@kernel()
def _restrict(indptr, indices, distances, place, k):  # type: ignore[no-untyped-def]
    """Each kept row's first K kept neighbours and whichever tie with the K-th, in the numbers of what is kept."""
    kept = 0
    for v in range(place.shape[0]):
        kept += place[v] >= 0
    counts = np.zeros(kept, np.int64)
    nearest = np.empty(indices.shape[0], np.int32)
    lengths = np.empty(indices.shape[0], np.float64)
    short = np.empty(kept, np.int64)
    end, n_short = 0, 0
    for v in range(place.shape[0]):
        if place[v] < 0:
            continue
        start = end
        farthest = np.inf
        for e in range(indptr[v], indptr[v + 1]):
            if place[indices[e]] < 0:
                continue
            if distances[e] > farthest:
                break
            nearest[end] = place[indices[e]]
            lengths[end] = distances[e]
            end += 1
            if end - start == k:
                farthest = distances[e] * (1 + TIE)
        counts[place[v]] = end - start
        if end - start < k:
            short[n_short] = v
            n_short += 1
    return counts, nearest[:end].copy(), lengths[:end].copy(), short[:n_short].copy()


@kernel()
def _nearest(point, among, owners, own, k):  # type: ignore[no-untyped-def]
    """The K nearest of some points to one whose owner is `own`, those of that owner left out, measured one by one."""
    measured = np.empty(among.shape[0], np.float64)
    for j in range(among.shape[0]):
        measured[j] = np.inf if owners[j] == own else _distance(point, among[j])
    order = np.argsort(measured)
    farthest = measured[order[k - 1]] * (1 + TIE)
    count = k
    while count < among.shape[0] and measured[order[count]] <= farthest:
        count += 1
    return order[:count].astype(np.int32), measured[order[:count]]
