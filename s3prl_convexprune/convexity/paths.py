"""All shortest paths from a set of sources: edge keys, batches of neighbouring sources, and the sums over pairs.

Lengths are rounded to a grid so that sums are exact integers and "equally short" means something: see `edge_keys`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra, reverse_cuthill_mckee
from tqdm import tqdm

from s3prl_convexprune.convexity import lanes
from s3prl_convexprune.convexity.graph import Edges
from s3prl_convexprune.convexity.lanes import LANES
from s3prl_convexprune.errors import DataError

COUNT_BITS = 10  # room for 1023 edges on a path; widened when a graph turns out to need more
MAX_CREDITS = 1 << 22  # classes times points searched at a time, to bound a worker's memory
EXTRA = 16  # units that an edge is lengthened by, more than rounding can take from a path through its points


@dataclass(frozen=True)
class ClassSums:
    """Sums over the pairs (source, class mate) of one class of n points, s of them sources.

    Attributes:
        members: ``[n]`` the points of the class.
        is_source: ``[n]`` which of them paths started from.
        total: ``[s]`` a source's sum of shares.
        among_sources: ``[s]`` the same over mates that are sources too.
        disconnected: ``[s]`` how many mates a source cannot reach.
        arriving: ``[n]`` a member's sum of the shares of the pairs that end in it.
        interior: ``[N]`` what the paths owe to each point of any class; see `lanes.sum_interior`.
    """

    members: np.ndarray
    is_source: np.ndarray
    total: np.ndarray
    among_sources: np.ndarray
    disconnected: np.ndarray
    arriving: np.ndarray
    interior: np.ndarray


class _PathTooLong(Exception):
    """A path with more edges than its count can hold."""


def edge_keys(edges: Edges, bits: int) -> np.ndarray:
    """Each edge's length and count as one integer, for path keys that add up exactly and never overflow.

    A length is rounded to a power of two, the smallest with which the longest shortest path fits (about ``2**-36``
    of the longest edge in the graphs of speech features), and made EXTRA such units longer. So two paths are
    equally short when their rounded lengths agree, and where an edge and a detour over points exactly on it have
    the same length, the edge wins whatever the rounding did. Paths of as many edges that are as long by
    coincidence (1.1 + 1.3 and 1.2 + 1.2) may round apart; which one counts then depends on their lengths alone.

    Raises:
        DataError: shortest paths so many edges long that a unit would be coarser than ``2**-12`` of an edge.
    """
    n = len(edges.indptr) - 1
    longest = float(edges.lengths.max(initial=0.0)) or 1.0
    lengths = edges.lengths * 2.0 ** -np.ceil(np.log2(longest))
    graph = csr_matrix((lengths + 2.0**-30, edges.indices, edges.indptr), shape=(n, n))
    roots = np.unique(connected_components(graph, directed=False)[1], return_index=True)[1]
    diameter = 2 * dijkstra(graph, indices=roots, min_only=True).max()
    # A key is length << 2 bits | edges << bits | outsiders. Keys of paths are sums, so each field must hold its sum:
    # the counts have their bits, and no shortest path is longer than `diameter` (out to a root and back), so that
    # its length stays below 2**(61 - 2 bits) units and its key below UNREACHED, 2**62, with room for one more edge.
    scale = 2.0 ** np.floor(61 - 2 * bits - np.log2(diameter + 1))
    if scale < 2**12:
        raise DataError(
            "the neighbourhood graph is a chain of so many edges that path lengths cannot be compared; "
            "the points look one-dimensional and ordered, use fewer of them or more neighbours"
        )
    rounded = np.rint(lengths * scale).astype(np.int64) + EXTRA
    return (rounded << (2 * bits)) + (1 << bits)


def class_sums(
    edges: Edges, codes: np.ndarray, sources: np.ndarray, n_threads: int, progress: bool = False, credits: bool = True
) -> Iterator[tuple[int, ClassSums]]:
    """Score every ordered pair (source, class mate) along its shortest path, class by class.

    Args:
        edges: the neighbourhood graph.
        codes: ``[N]`` int32, the class of each point.
        sources: the points that paths start from.
        n_threads: worker threads.
        progress: show a bar.
        credits: whether to find what the paths owe to each point, for a standard error; else `interior` is 0.

    Yields:
        The code of each class that has sources, with its sums.
    """
    n, width = len(codes), max(1, MAX_CREDITS // len(codes))
    bits = min(COUNT_BITS, n.bit_length())
    with tqdm(total=len(sources), desc="paths", disable=None if progress else True, leave=False) as bar:
        for base in range(0, int(codes.max()) + 1, width):
            mine = sources[(codes[sources] >= base) & (codes[sources] < base + width)]
            found, done = None, bar.n
            while found is None:
                try:
                    found = _Search(edges, codes, mine, bits).run(base, width, n_threads, bar, credits)
                except _PathTooLong:
                    bits += 3
                    bar.n = done
            yield from found


class _Search:
    """One run over the sources of some classes, on a copy of the graph whose vertices are renumbered so that
    neighbours lie near each other in memory (reverse Cuthill-McKee). Sources are taken class by class in that
    order, so that the sixteen of a batch see much the same vertices at the same time."""

    def __init__(self, edges: Edges, codes: np.ndarray, sources: np.ndarray, bits: int) -> None:
        n = len(codes)
        graph = csr_matrix((edge_keys(edges, bits), edges.indices, edges.indptr), shape=(n, n))
        self.bits = bits
        self.order = reverse_cuthill_mckee(graph, symmetric_mode=True)
        graph = graph[self.order][:, self.order]
        self.graph = graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data
        self.codes = codes[self.order]
        self.members = np.argsort(self.codes, kind="stable")
        self.first = np.searchsorted(self.codes[self.members], np.arange(codes.max() + 2))
        self.place = np.empty(n, np.int64)
        self.place[self.order] = np.arange(n)
        self.chosen = np.zeros(n, np.uint8)
        self.chosen[self.place[sources]] = 1
        self.batches = list(_batches(self.members[self.chosen[self.members] > 0]))

    def run(self, base: int, width: int, n_threads: int, bar: tqdm, credits: bool) -> list[tuple[int, ClassSums]]:
        """The sums of the classes from `base` on, at most `width` of them; the bar moves by sources."""
        n = len(self.codes)
        width = min(width, len(self.first) - 1 - base)
        starting = np.zeros((n, 3))
        members = self.members, self.first, self.chosen

        def work(mine: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
            keys, queue, queued = _scratch(n)
            arriving, interior = np.zeros(n), np.zeros((width, n))
            for batch, used in mine:
                lanes.shortest_keys(*self.graph, self.codes, batch, keys, queue, queued)
                if lanes.count_is_full(keys, self.bits):
                    raise _PathTooLong
                lanes.sum_shares(keys, self.bits, self.codes, batch, used, *members, starting, arriving)
                if credits:
                    lanes.sum_interior(*self.graph, self.codes, batch, used, keys, self.bits, *members, base, interior)
                bar.update(used)
            return arriving, interior

        with ThreadPoolExecutor(n_threads) as pool:
            parts = list(pool.map(work, (self.batches[t::n_threads] for t in range(n_threads))))
        arriving = np.sum([part[0] for part in parts], axis=0)
        interior = np.sum([part[1] for part in parts], axis=0)
        return [
            (c, self._class_sums(c, starting, arriving, interior[c - base]))
            for c in range(base, base + width)
            if self.chosen[self.members[self.first[c] : self.first[c + 1]]].any()
        ]

    def shares(self, starts: np.ndarray, ends: np.ndarray, n_threads: int) -> np.ndarray:
        """The share of each ordered pair, all starts being sources of this run."""
        n, starts, ends = len(self.codes), self.place[starts], self.place[ends]
        by_start = np.argsort(starts, kind="stable")
        first = np.searchsorted(starts[by_start], np.arange(n + 1))
        mates, found = ends[by_start], np.empty(len(starts))

        def work(mine: list[tuple[np.ndarray, int]]) -> None:
            keys, queue, queued = _scratch(n)
            for batch, used in mine:
                lanes.shortest_keys(*self.graph, self.codes, batch, keys, queue, queued)
                if lanes.count_is_full(keys, self.bits):
                    raise _PathTooLong
                lanes.drawn_shares(keys, self.bits, batch, used, first, mates, found)

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(work, (self.batches[t::n_threads] for t in range(n_threads))))
        shares = np.empty(len(starts))
        shares[by_start] = found
        return shares

    def _class_sums(self, c: int, starting: np.ndarray, arriving: np.ndarray, interior: np.ndarray) -> ClassSums:
        members = self.members[self.first[c] : self.first[c + 1]]
        is_source = self.chosen[members] > 0
        total, among_sources, disconnected = starting[members[is_source]].T
        return ClassSums(
            self.order[members], is_source, total, among_sources, disconnected, arriving[members], interior[self.place]
        )


def drawn_pair_shares(
    edges: Edges, codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, n_threads: int
) -> np.ndarray:
    """The share of each of some ordered pairs of class mates.

    Args:
        edges: the neighbourhood graph.
        codes: ``[N]`` int32, the class of each point.
        starts, ends: ``[P]`` the pairs' points.
        n_threads: worker threads.
    """
    bits = min(COUNT_BITS, len(codes).bit_length())
    while True:
        try:
            return _Search(edges, codes, np.unique(starts), bits).shares(starts, ends, n_threads)
        except _PathTooLong:
            bits += 3


def pair_shares(edges: Edges, codes: np.ndarray) -> np.ndarray:
    """The share of every ordered pair of class mates, ``[N, N]``, NaN elsewhere: for small N and for inspection."""
    n = len(codes)
    bits = n.bit_length()
    graph = edges.indptr, edges.indices, edge_keys(edges, bits)
    keys, queue, queued = _scratch(n)
    shares = np.full((n, n), np.nan)
    for batch, used in _batches(np.arange(n)):
        lanes.shortest_keys(*graph, codes, batch, keys, queue, queued)
        for lane, source in enumerate(batch[:used]):
            for mate in np.flatnonzero(codes == codes[source]):
                if mate != source:
                    shares[source, mate] = lanes.share_inside(keys[mate, lane], bits)
    return shares


def _scratch(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty((n, LANES), np.int64), np.empty(1 << n.bit_length(), np.int64), np.empty(n, np.uint8)


def _batches(sources: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Sources by LANES, the last batch filled up with its last source."""
    for start in range(0, len(sources), LANES):
        batch = sources[start : start + LANES].astype(np.int64)
        used = len(batch)
        yield np.concatenate([batch, np.full(LANES - used, batch[-1])]), used
