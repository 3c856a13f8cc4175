"""Exact Euclidean nearest neighbours: a float32 matrix product proposes (`proposing`), float64 differences decide."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from s3prl_convexprune.convexity.kernels import kernel
from s3prl_convexprune.convexity.proposing import TIE, Candidates, Scaled, propose
from s3prl_convexprune.convexity.tiles import propose_by_tiles
from s3prl_convexprune.errors import DataError

ROWS, COLUMNS = 256, 2048
MAX_ENTRIES = 50_000_000  # neighbours kept in all, 600 MB

Lists = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Neighbors:
    """Neighbour lists in compressed rows: point i has ``indices[indptr[i]:indptr[i + 1]]``, nearest first, and of
    equally near ones the first in the order of the points."""

    indptr: np.ndarray
    indices: np.ndarray
    distances: np.ndarray


class Search(Protocol):
    """What finds neighbours: `nearest_neighbors`, or what takes its arguments and stands in its place."""

    def __call__(
        self,
        points: np.ndarray,
        n_neighbors: int,
        n_threads: int,
        progress: bool = False,
        owners: np.ndarray | None = None,
    ) -> Neighbors: ...


def nearest_neighbors(
    points: np.ndarray, n_neighbors: int, n_threads: int, progress: bool = False, owners: np.ndarray | None = None
) -> Neighbors:
    """The K nearest other points of every point, and whichever tie with the K-th.

    Points whose distance equals the K-th one's (to a relative 1e-9) are all neighbours, so the lists depend neither
    on the order of the rows nor on rounding, and copies of a point are ordinary neighbours at distance zero.

    Args:
        points: checked points, ``[N, D]``, float32 or float64.
        n_neighbors: K, from 1 to N - 1.
        n_threads: worker threads.
        progress: show a bar.
        owners: ``[N]`` whose a point is, by number: points of one owner are no neighbours, and K is at most the number
            of points of others. None takes every point for its own.

    Raises:
        DataError: so many tied points that the lists would not fit in memory.
    """
    with threadpool_limits(1, "blas"):
        scaled = Scaled.of(points)
        if owners is not None:

            def search(start: int) -> Lists:
                rows = np.arange(start, min(start + ROWS, len(points)))
                return _search_rows(points, scaled, n_neighbors, rows, owners)

            return _collected(search, len(points), n_neighbors, n_threads)
        return measured(points, scaled, propose_by_tiles(scaled, n_neighbors, n_threads, progress), n_threads)


def measured(points: np.ndarray, scaled: Scaled, proposed: Candidates, n_threads: int) -> Neighbors:
    """The neighbours among what was proposed for every point; rows that found no room are searched one by one.

    Args:
        points: checked points, ``[N, D]``.
        scaled: of them.
        proposed: one row a point.
        n_threads: worker threads.

    Raises:
        DataError: so many tied points that the lists would not fit in memory.
    """
    k = proposed.best.shape[1]

    def work(start: int) -> Lists:
        rows = np.arange(start, min(start + ROWS, len(points)))
        mine = Candidates(*(part[start : start + ROWS] for part in proposed.arrays))
        crowded = mine.limit == -np.inf
        if not crowded.any():
            return decide(points, rows, k, mine.limit, mine.kept, mine.bounds, mine.fill)
        return _together(
            crowded,
            decide(points, rows[~crowded], k, *(part[~crowded] for part in mine.arrays[1:])),
            _search_rows(points, scaled, k, rows[crowded], np.arange(len(points))),
        )

    return _collected(work, len(points), k, n_threads)


def _collected(lists_of: Callable[[int], Lists], n: int, k: int, n_threads: int) -> Neighbors:
    """The lists of all blocks of rows, each block named by its first row."""
    found, entries = [], 0
    with ThreadPoolExecutor(n_threads) as pool:
        for block in pool.map(lists_of, range(0, n, ROWS)):
            found.append(block)
            entries += len(block[1])
            if entries > MAX_ENTRIES:
                pool.shutdown(cancel_futures=True)
                raise DataError(
                    f"more than {MAX_ENTRIES:,} pairs of points tie at the distance of neighbour "
                    f"{k}: most points are copies of each other. Remove the copies"
                )
    return joined(found)


def joined(blocks: list[Lists]) -> Neighbors:
    """Blocks of rows as one."""
    counts, indices, distances = (np.concatenate(part) for part in zip(*blocks, strict=True))
    return Neighbors(np.concatenate([[0], np.cumsum(counts)]), indices, distances)


def _together(second: np.ndarray, *parts: Lists) -> Lists:
    """The lists of rows of which `second` says whether they stand in the second of two parts."""
    order = np.argsort(np.argsort(second, kind="stable"), kind="stable")
    counts = np.concatenate([part[0] for part in parts])
    indices, distances = (
        np.split(np.concatenate([part[number] for part in parts]), np.cumsum(counts)[:-1]) for number in (1, 2)
    )
    return (
        counts[order],
        np.concatenate([indices[place] for place in order]),
        np.concatenate([distances[place] for place in order]),
    )


def _search_rows(points: np.ndarray, scaled: Scaled, k: int, rows: np.ndarray, owners: np.ndarray) -> Lists:
    """The neighbours of some points among those of other owners, with as much room for candidates as it takes."""
    n = len(points)
    room = min(n, 8 * k + 64)
    while True:
        found = Candidates.none(len(rows), k, room)
        for column in range(0, n, COLUMNS):
            span = slice(column, min(column + COLUMNS, n))
            product = scaled.unit[rows] @ scaled.unit[span].T
            bounding = scaled.low[span], scaled.slack[span], column, owners[span], owners[rows], scaled.slack[rows]
            propose(product, product.shape[1], *bounding, *found.arrays)
            if np.isneginf(found.limit).any() and room < n:
                break
        else:
            return decide(points, rows, k, *found.arrays[1:])
        room = min(n, 4 * room)


@kernel(fastmath={"nnan", "nsz", "reassoc", "contract"})
def _distance(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for d in range(x.shape[0]):
        difference = np.float64(x[d]) - np.float64(y[d])
        total += difference * difference
    return np.sqrt(total)


@kernel()
def decide(points, rows, k, limit, kept, bounds, fill):  # type: ignore[no-untyped-def]
    """Measure the proposed neighbours and keep, sorted, those not farther than the K-th."""
    counts = np.empty(rows.shape[0], np.int64)
    indices = np.empty(fill.sum(), np.int32)
    distances = np.empty(fill.sum(), np.float64)
    end = 0
    for i in range(rows.shape[0]):
        candidates = np.empty(fill[i], np.int32)
        m = 0
        for p in range(fill[i]):
            if bounds[i, p] <= limit[i]:
                candidates[m] = kept[i, p]
                m += 1
        candidates = np.sort(candidates[:m])
        lengths = np.empty(m, np.float64)
        for p in range(m):
            lengths[p] = _distance(points[rows[i]], points[candidates[p]])
        order = np.argsort(lengths, kind="mergesort")
        farthest = lengths[order[k - 1]] * (1 + TIE)
        count = 0
        while count < m and lengths[order[count]] <= farthest:
            indices[end + count] = candidates[order[count]]
            distances[end + count] = lengths[order[count]]
            count += 1
        counts[i] = count
        end += count
    return counts, indices[:end].copy(), distances[:end].copy()
