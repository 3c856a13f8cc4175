"""A search for shortest paths from many sources: the graph renumbered, sources in batches, sums over their pairs.

Batches are shared among threads in parts that do not depend on how many threads there are, and the parts are added
up in their order, so that the number of threads changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import reverse_cuthill_mckee
from tqdm import tqdm

from s3prl_convexprune.convexity import lanes
from s3prl_convexprune.convexity.graph import Edges
from s3prl_convexprune.convexity.lanes import LANES

PARTS = 64

Batch = tuple[np.ndarray, int]


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

    def with_more(self, more: ClassSums) -> ClassSums:
        """These and the sums over further sources of the class, which were searched with these named as `before`.

        A share is the same from either end, so what the further sources' pairs add to those of these sources is what
        arrives here.
        """
        is_source = self.is_source | more.is_source
        parts = np.zeros((3, len(self.members)))
        parts[:, self.is_source] = self.total, self.among_sources + more.arriving[self.is_source], self.disconnected
        parts[:, more.is_source] = more.total, more.among_sources, more.disconnected
        total, among_sources, disconnected = parts[:, is_source]
        return ClassSums(
            members=self.members,
            is_source=is_source,
            total=total,
            among_sources=among_sources,
            disconnected=disconnected,
            arriving=self.arriving + more.arriving,
            interior=self.interior + more.interior,
        )


class PathTooLong(Exception):
    """A path with more edges than its count can hold."""


class PathSearch:
    """A graph whose vertices are renumbered so that neighbours lie near each other in memory (reverse
    Cuthill-McKee). Sources are taken class by class in that order, so that the sixteen of a batch see much the same
    vertices at the same time.

    Args:
        edges: the neighbourhood graph.
        keys: of the edges; see `paths.edge_keys`.
        codes: ``[N]`` int32, the class of each point.
        bits: the width of a key's two counts.
    """

    def __init__(self, edges: Edges, keys: np.ndarray, codes: np.ndarray, bits: int) -> None:
        n = len(codes)
        graph = csr_matrix((keys, edges.indices, edges.indptr), shape=(n, n))
        self.bits = bits
        self.order = reverse_cuthill_mckee(graph, symmetric_mode=True)
        graph = graph[self.order][:, self.order]
        self.graph = graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data
        self.codes = codes[self.order]
        self.members = np.argsort(self.codes, kind="stable")
        self.first = np.searchsorted(self.codes[self.members], np.arange(codes.max() + 2))
        self.place = np.empty(n, np.int64)
        self.place[self.order] = np.arange(n)

    def sums(
        self,
        sources: np.ndarray,
        base: int,
        width: int,
        n_threads: int,
        bar: tqdm,
        credits: bool = True,
        before: np.ndarray | None = None,
    ) -> list[tuple[int, ClassSums]]:
        """The sums over some sources, all of the classes from `base` on, at most `width` of them.

        Args:
            sources: points that paths start from.
            base, width: which classes; memory grows with their number.
            n_threads: worker threads.
            bar: moves by sources.
            credits: whether to find what the paths owe to each point.
            before: sources that were searched already; the pairs with them count among sources.

        Raises:
            PathTooLong: a path with more edges than its count can hold.
        """
        n = len(self.codes)
        width = min(width, len(self.first) - 1 - base)
        new, chosen, starting = np.zeros(n, np.uint8), np.zeros(n, np.uint8), np.zeros((n, 3))
        new[self.place[sources]] = 1
        chosen[self.place[sources if before is None else np.concatenate([before, sources])]] = 1
        members = self.members, self.first

        def work(part: list[Batch], scratch: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
            keys, arriving, interior = scratch[0], np.zeros(n), np.zeros((width if credits else 0, n))
            for batch, used in part:
                self._find(batch, *scratch)
                lanes.sum_shares(keys, self.bits, self.codes, batch, used, *members, chosen, starting, arriving)
                if credits:
                    owed = keys, self.bits, *members, new, base, interior
                    lanes.sum_interior(*self.graph, self.codes, batch, used, *owed)
                bar.update(used)
            return arriving, interior

        arriving, interior = np.zeros(n), np.zeros((width, n))
        for arrived, owed in self._shared(new, n_threads, work):
            arriving += arrived
            if credits:
                interior += owed
        return [
            (c, self._class_sums(c, new, starting, arriving, interior[c - base]))
            for c in range(base, base + width)
            if new[self.members[self.first[c] : self.first[c + 1]]].any()
        ]

    def shares(self, starts: np.ndarray, ends: np.ndarray, n_threads: int) -> np.ndarray:
        """The share of each ordered pair."""
        n, starts, ends = len(self.codes), self.place[starts], self.place[ends]
        by_start = np.argsort(starts, kind="stable")
        first = np.searchsorted(starts[by_start], np.arange(n + 1))
        mates, found = ends[by_start], np.empty(len(starts))
        chosen = np.zeros(n, np.uint8)
        chosen[starts] = 1

        def work(part: list[Batch], scratch: tuple[np.ndarray, ...]) -> None:
            for batch, used in part:
                self._find(batch, *scratch)
                lanes.drawn_shares(scratch[0], self.bits, batch, used, first, mates, found)

        for _ in self._shared(chosen, n_threads, work):
            pass
        shares = np.empty(len(starts))
        shares[by_start] = found
        return shares

    def _find(self, batch: np.ndarray, keys: np.ndarray, queue: np.ndarray, queued: np.ndarray) -> None:
        lanes.shortest_keys(*self.graph, self.codes, batch, keys, queue, queued)
        if lanes.count_is_full(keys, self.bits):
            raise PathTooLong

    def _shared(self, chosen: np.ndarray, n_threads: int, work: Callable[..., Any]) -> Iterator[Any]:
        """What `work` makes of the sources' batches, part by part."""
        batches = list(batched(self.members[chosen[self.members] > 0]))
        scratches: SimpleQueue[tuple[np.ndarray, ...]] = SimpleQueue()
        for _ in range(min(n_threads, PARTS, len(batches))):
            scratches.put(scratch_of(len(self.codes)))

        def one(part: list[Batch]) -> Any:
            scratch = scratches.get()
            try:
                return work(part, scratch)
            finally:
                scratches.put(scratch)

        with ThreadPoolExecutor(n_threads) as pool:
            yield from pool.map(one, (batches[t::PARTS] for t in range(min(PARTS, len(batches)))))

    def _class_sums(
        self, c: int, new: np.ndarray, starting: np.ndarray, arriving: np.ndarray, interior: np.ndarray
    ) -> ClassSums:
        members = self.members[self.first[c] : self.first[c + 1]]
        is_source = new[members] > 0
        total, among_sources, disconnected = starting[members[is_source]].T
        return ClassSums(
            self.order[members], is_source, total, among_sources, disconnected, arriving[members], interior[self.place]
        )


def scratch_of(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `lanes.shortest_keys` works in: keys, queue, queued."""
    return np.empty((n, LANES), np.int64), np.empty(1 << n.bit_length(), np.int64), np.empty(n, np.uint8)


def batched(sources: np.ndarray) -> Iterator[Batch]:
    """Sources by LANES, the last batch filled up with its last source."""
    for start in range(0, len(sources), LANES):
        batch = sources[start : start + LANES].astype(np.int64)
        used = len(batch)
        yield np.concatenate([batch, np.full(LANES - used, batch[-1])]), used
