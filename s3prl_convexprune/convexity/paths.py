"""All shortest paths from a set of sources: edge keys, batches of neighbouring sources, and the sums over pairs.

Lengths are rounded to a grid so that sums are exact integers and "equally short" means something: see `edge_keys`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from tqdm import tqdm

from s3prl_convexprune.convexity import lanes
from s3prl_convexprune.convexity.graph import Edges
from s3prl_convexprune.convexity.lanes import LANES
from s3prl_convexprune.errors import DataError

COUNT_BITS = 10  # room for 1023 edges on a path; widened when a graph turns out to need more
EXTRA = 16  # units that an edge is lengthened by, more than rounding can take from a path through its points
BATCHES = 4  # batches of sources a worker takes at a time


@dataclass(frozen=True)
class PathSums:
    """Sums of pair scores, a row a point: over all class mates, over those that are sources, disconnected mates;
    and over the pairs that end in the point. Rows of points that were not sources are zero."""

    total: np.ndarray
    among_sources: np.ndarray
    disconnected: np.ndarray
    arriving: np.ndarray


class _PathTooLong(Exception):
    """A path with more edges than its count can hold."""


def edge_keys(edges: Edges, bits: int) -> np.ndarray:
    """Each edge's length and count as one integer, for path keys that add up exactly and never overflow.

    A length is rounded to a power-of-two unit, the smallest with which the longest shortest path fits (about
    ``2**-36`` of the longest edge in the graphs of speech features), and made EXTRA units longer. So two paths
    are equally short when their rounded lengths agree, and where an edge and a detour over points exactly on it
    have the same length, the edge wins whatever the rounding did.

    Raises:
        DataError: shortest paths so many edges long that a unit would be coarser than ``2**-12`` of an edge.
    """
    n = len(edges.indptr) - 1
    lengths = edges.lengths / (float(edges.lengths.max(initial=0.0)) or 1.0)
    graph = csr_matrix((lengths + 2.0**-30, edges.indices, edges.indptr), shape=(n, n))
    roots = np.unique(connected_components(graph, directed=False)[1], return_index=True)[1]
    diameter = 2 * dijkstra(graph, indices=roots, min_only=True).max()
    scale = 2.0 ** np.floor(61 - 2 * bits - np.log2(diameter + 1))
    if scale < 2**12:
        raise DataError("the neighbourhood graph is a chain of so many edges that path lengths cannot be compared; "
                        "the points look one-dimensional and ordered, use fewer of them or more neighbours")
    rounded = np.rint(lengths * scale).astype(np.int64) + EXTRA
    return (rounded << (2 * bits)) + (1 << bits)


def path_sums(
    edges: Edges,
    codes: np.ndarray,
    sources: np.ndarray,
    n_threads: int,
    progress: bool = False,
) -> PathSums:
    """Score every ordered pair (source, class mate) along its shortest path.

    Args:
        edges: the neighbourhood graph.
        codes: ``[N]`` int32, the class of each point.
        sources: the points that paths start from, neighbours next to each other for speed.
        n_threads: worker threads.
        progress: show a bar.
    """
    n = len(codes)
    members = np.argsort(codes, kind="stable").astype(np.int32)
    first = np.searchsorted(codes[members], np.arange(codes.max() + 2))
    chosen = np.zeros(n, np.uint8)
    chosen[sources] = 1
    starts = range(0, len(sources), LANES * BATCHES)

    def attempt(bits: int) -> PathSums:
        weights = edge_keys(edges, bits)
        indptr = edges.indptr.astype(np.uint64)
        indices = edges.indices.astype(np.uint32)
        rows = np.zeros((n, 3))

        def work(mine: list[int]) -> np.ndarray:
            keys, dirty, columns = np.empty((n, LANES), np.int64), np.empty(n, np.uint8), np.zeros(n)
            for start in mine:
                for batch, used in _batches(sources[start : start + LANES * BATCHES]):
                    lanes.shortest_keys(indptr, indices, weights, codes, batch, keys, dirty)
                    if n >> bits and lanes.longest_count(keys, bits):
                        raise _PathTooLong
                    lanes.sum_shares(keys, bits, codes, batch, used, members, first, chosen, rows, columns)
                bar.update(1)
            return columns

        with tqdm(total=len(starts), desc="paths", disable=not progress, leave=False) as bar:
            with ThreadPoolExecutor(n_threads) as pool:
                arriving = sum(pool.map(work, (list(starts[t::n_threads]) for t in range(n_threads))))
        return PathSums(rows[:, 0], rows[:, 1], rows[:, 2], np.asarray(arriving))

    bits = min(COUNT_BITS, int(n).bit_length())
    while True:
        try:
            return attempt(bits)
        except _PathTooLong:
            bits += 3


def pair_shares(edges: Edges, codes: np.ndarray) -> np.ndarray:
    """The share of every ordered pair of class mates, ``[N, N]``, NaN elsewhere; for small N and for inspection."""
    n = len(codes)
    bits = int(n).bit_length()
    weights = edge_keys(edges, bits)
    keys, dirty = np.empty((n, LANES), np.int64), np.empty(n, np.uint8)
    shares = np.full((n, n), np.nan)
    for batch, used in _batches(np.arange(n)):
        lanes.shortest_keys(edges.indptr.astype(np.uint64), edges.indices.astype(np.uint32), weights, codes, batch,
                            keys, dirty)
        for lane in range(used):
            for mate in np.flatnonzero(codes == codes[batch[lane]]):
                if mate != batch[lane]:
                    shares[batch[lane], mate] = lanes.share_inside(keys[mate, lane], bits)
    return shares


def _batches(sources: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Sources by LANES, the last batch filled up with its last source."""
    for start in range(0, len(sources), LANES):
        batch = sources[start : start + LANES].astype(np.int64)
        used = len(batch)
        yield np.concatenate([batch, np.full(LANES - used, batch[-1])]), used
