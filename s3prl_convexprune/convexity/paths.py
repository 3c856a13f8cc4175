"""All shortest paths from a set of sources: the keys of the edges, and the sums over pairs, class by class.

Lengths are rounded to a grid so that sums are exact integers and "equally short" means something: see `edge_keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from tqdm import tqdm

from s3prl_convexprune.convexity import lanes
from s3prl_convexprune.convexity.graph import Edges
from s3prl_convexprune.convexity.path_search import ClassSums, PathSearch, PathTooLong, batched, scratch_of
from s3prl_convexprune.errors import DataError

COUNT_BITS = 10  # room for 1023 edges on a path; widened when a graph turns out to need more
MAX_CREDITS = 1 << 22  # classes times points searched at a time, to bound a worker's memory
EXTRA = 16  # units that an edge is lengthened by, more than rounding can take from a path through its points


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
        n_threads: worker threads; their number changes no bit.
        progress: show a bar.
        credits: whether to find what the paths owe to each point, for a standard error; else `interior` is 0.

    Yields:
        The code of each class that has sources, with its sums.
    """

    def find(search: PathSearch, base: int, width: int, bar: tqdm) -> list[tuple[int, ClassSums]]:
        mine = sources[(codes[sources] >= base) & (codes[sources] < base + width)]
        return search.sums(mine, base, width, n_threads, bar, credits)

    return by_classes(edges, codes, find, len(sources), progress)


def by_classes(
    edges: Edges, codes: np.ndarray, find: Callable[..., list[tuple[int, ClassSums]]], total: int, progress: bool
) -> Iterator[tuple[int, ClassSums]]:
    """The sums of all classes, as many at a time as memory takes.

    Args:
        edges, codes: as for `class_sums`.
        find: makes the sums of some classes, from a search, the first of the classes, how many, and a bar.
        total: of the bar.
        progress: show it.
    """
    search = search_with(edges, codes)
    width = max(1, MAX_CREDITS // len(codes))
    with tqdm(total=total, desc="paths", disable=None if progress else True, leave=False) as bar:
        for base in range(0, int(codes.max()) + 1, width):
            done, found = bar.n, None
            while found is None:
                try:
                    found = find(search, base, width, bar)
                except PathTooLong:
                    bar.n, search = done, search_with(edges, codes, search.bits + 3)
            yield from found


def search_with(edges: Edges, codes: np.ndarray, bits: int | None = None) -> PathSearch:
    """A search with so many bits for a path's counts; few when None."""
    bits = bits or min(COUNT_BITS, len(codes).bit_length())
    return PathSearch(edges, edge_keys(edges, bits), codes, bits)


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
    search = search_with(edges, codes)
    while True:
        try:
            return search.shares(starts, ends, n_threads)
        except PathTooLong:
            search = search_with(edges, codes, search.bits + 3)


def pair_shares(edges: Edges, codes: np.ndarray) -> np.ndarray:
    """The share of every ordered pair of class mates, ``[N, N]``, NaN elsewhere: for small N and for inspection."""
    n = len(codes)
    bits = n.bit_length()
    graph = edges.indptr, edges.indices, edge_keys(edges, bits)
    keys, queue, queued = scratch_of(n)
    shares = np.full((n, n), np.nan)
    for batch, used in batched(np.arange(n)):
        lanes.shortest_keys(*graph, codes, batch, keys, queue, queued)
        for lane, source in enumerate(batch[:used]):
            for mate in np.flatnonzero(codes == codes[source]):
                if mate != source:
                    shares[source, mate] = lanes.share_inside(keys[mate, lane], bits)
    return shares
