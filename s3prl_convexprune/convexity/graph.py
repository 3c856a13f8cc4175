"""The neighbourhood graph of a set of points: built once, read for several labelings and several K."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.groups import as_owners, most_neighbors
from s3prl_convexprune.convexity.inputs import as_points, as_threads
from s3prl_convexprune.convexity.kernels import kernel
from s3prl_convexprune.convexity.knn import Neighbors, Search, nearest_neighbors
from s3prl_convexprune.convexity.proposing import TIE
from s3prl_convexprune.errors import DataError


@dataclass(frozen=True)
class Edges:
    """Undirected edges in compressed rows, each stored at both ends; Euclidean lengths, zero allowed."""

    indptr: np.ndarray
    indices: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The K-nearest-neighbour lists of N points, without the points.

    Make one with `build`; hand it to `graph_convexity`, `mutual_knn` or `knn_accuracy` as often as needed.

    Example:
        >>> import numpy as np
        >>> graph = NeighborGraph.build(np.array([[0.0], [1.0], [3.0]]), n_neighbors=1)
        >>> graph.neighbors(2), graph.edges().lengths.tolist()
        (array([1], dtype=int32), [1.0, 1.0, 2.0, 2.0])
    """

    n_points: int
    n_neighbors: int
    lists: Neighbors = field(repr=False)
    owners: np.ndarray | None = field(default=None, repr=False)
    _edges: dict[int, Edges] = field(default_factory=dict, repr=False)

    @classmethod
    def build(
        cls,
        points: Any,
        n_neighbors: int = 10,
        *,
        across: Iterable[Hashable] | None = None,
        n_threads: int | None = None,
        progress: bool = False,
        search: Search = nearest_neighbors,
    ) -> NeighborGraph:
        """Find the Euclidean neighbours of every point, exactly unless `search` says otherwise.

        Args:
            points: ``[N, D]``, float32 or float64; 100,000 points of 1024 dimensions need about 0.5 GB beside them.
            n_neighbors: the largest K the graph will be asked for.
            across: N groups, such as speakers: points of one group are never neighbours of each other.
            n_threads: worker threads; all cores when None.
            progress: show a bar.
            search: what finds them, such as `approximate.ApproximateSearch`.

        Raises:
            DataError: points that are not finite numbers, or not more than K of them; with `across` a single group, or
                one beside which there are fewer than K points.
        """
        array = as_points(points)
        owners = None if across is None else as_owners(across, len(array))
        if n_neighbors < 1:
            raise DataError(f"n_neighbors must be at least 1; got {n_neighbors}")
        if n_neighbors >= len(array):
            raise DataError(f"{n_neighbors} neighbours need at least {n_neighbors + 1} points; got {len(array)}")
        if n_neighbors > most_neighbors(len(array), owners):
            raise DataError(
                f"{n_neighbors} neighbours of other groups: beside the largest group there are only "
                f"{most_neighbors(len(array), owners)} points"
            )
        lists = search(array, n_neighbors, as_threads(n_threads), progress, owners)
        return cls(len(array), n_neighbors, lists, owners)

    def neighbors(self, point: int) -> np.ndarray:
        """The neighbours of one point, nearest first; more than K where several tie with the K-th."""
        return self.lists.indices[self.lists.indptr[point] : self.lists.indptr[point + 1]]

    def trimmed(self, n_neighbors: int) -> Neighbors:
        """The lists cut to a smaller K, ties with the new K-th included.

        Raises:
            DataError: more neighbours than the graph was built with.
        """
        if not 1 <= n_neighbors <= self.n_neighbors:
            raise DataError(f"this graph holds {self.n_neighbors} neighbours a point; asked for {n_neighbors}")
        starts = self.lists.indptr[:-1]
        farthest = self.lists.distances[starts + n_neighbors - 1] * (1 + TIE)
        kept = self.lists.distances <= np.repeat(farthest, np.diff(self.lists.indptr))
        indptr = np.concatenate([[0], np.cumsum(kept)])[self.lists.indptr]
        return Neighbors(indptr, self.lists.indices[kept], self.lists.distances[kept])

    def edges(self, n_neighbors: int | None = None) -> Edges:
        """The undirected graph: an edge wherever either end is among the other's K nearest."""
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if k not in self._edges:
            self._edges[k] = Edges(*_both_ways(*vars(self.trimmed(k)).values()))
        return self._edges[k]


@kernel()
def _transposed(indptr, indices, values):  # type: ignore[no-untyped-def]
    n = indptr.shape[0] - 1
    starts = np.zeros(n + 1, np.int64)
    for e in range(indices.shape[0]):
        starts[indices[e] + 1] += 1
    for v in range(n):
        starts[v + 1] += starts[v]
    fill = starts[:-1].copy()
    rows, moved = np.empty(indices.shape[0], np.int32), np.empty(indices.shape[0], np.float64)
    for v in range(n):
        for e in range(indptr[v], indptr[v + 1]):
            at = fill[indices[e]]
            rows[at], moved[at] = v, values[e]
            fill[indices[e]] += 1
    return starts, rows, moved


@kernel()
def _both_ways(indptr, indices, distances):  # type: ignore[no-untyped-def]
    """Neighbour lists as undirected edges in compressed rows, sorted within a row, each pair once.

    Walking through a matrix's rows in order and appending each entry to the row of its column transposes it, with
    sorted rows. Done once that gives the edges that arrive at each point, done again those that leave it; two sorted
    lists merge.
    """
    arriving = _transposed(indptr, indices, distances)
    leaving = _transposed(*arriving)
    n, most = indptr.shape[0] - 1, 2 * indices.shape[0]
    ends, others, lengths = np.zeros(n + 1, np.int64), np.empty(most, np.int32), np.empty(most, np.float64)
    end = 0
    for v in range(n):
        p, q = leaving[0][v], arriving[0][v]
        while p < leaving[0][v + 1] or q < arriving[0][v + 1]:
            take = p < leaving[0][v + 1] and (q == arriving[0][v + 1] or leaving[1][p] <= arriving[1][q])
            if take:
                q += q < arriving[0][v + 1] and arriving[1][q] == leaving[1][p]
                others[end], lengths[end] = leaving[1][p], leaving[2][p]
                p += 1
            else:
                others[end], lengths[end] = arriving[1][q], arriving[2][q]
                q += 1
            end += 1
        ends[v + 1] = end
    return ends, others[:end].copy(), lengths[:end].copy()
