"""Exact Euclidean nearest neighbours in blocks: a float32 matrix product proposes, float64 differences decide.

``|x - y|^2 = |x|^2 + |y|^2 - 2 x.y`` turns the search into a matrix product, which is fast and, for near points or
large norms, wrong: it subtracts large numbers that almost cancel. So the product only proposes. Each approximate
value comes with a bound on its rounding error (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
3.1: a product of length D errs by at most ``D u / (1 - D u) |x||y|`` in any order of summation), every point
that the bound cannot rule out is kept, and the kept ones are measured again as differences in float64.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from s3prl_convexprune.convexity.kernels import kernel
from s3prl_convexprune.errors import DataError

TIE = 1e-9  # distances closer than this, relatively, are the same distance
ROWS, COLUMNS = 256, 2048  # one tile of the product, 2 MiB, stays in cache between product and scan
MAX_ENTRIES = 50_000_000  # neighbours kept in all, 600 MB


@dataclass(frozen=True)
class Neighbors:
    """Neighbour lists in compressed rows: point i has ``indices[indptr[i]:indptr[i + 1]]``, nearest first."""

    indptr: np.ndarray
    indices: np.ndarray
    distances: np.ndarray


def nearest_neighbors(points: np.ndarray, n_neighbors: int, n_threads: int, progress: bool = False) -> Neighbors:
    """The K nearest other points of every point, and whichever tie with the K-th.

    Points whose distance equals the K-th one's (to a relative 1e-9) are all neighbours, so the lists depend neither
    on the order of the rows nor on rounding, and copies of a point are ordinary neighbours at distance zero.

    Args:
        points: checked points, ``[N, D]``, float32 or float64.
        n_neighbors: K, from 1 to N - 1.
        n_threads: worker threads.
        progress: show a bar.

    Raises:
        DataError: so many tied points that the lists would not fit in memory.
    """
    unit, error = _unit_float32(points)
    squares = np.einsum("nd,nd->n", unit, unit, dtype=np.float64)
    slack = error * squares + 1e-30
    low = (squares / 2 - slack).astype(np.float32)
    slack = np.nextafter(slack.astype(np.float32), np.float32(np.inf))
    starts = range(0, len(points), ROWS)

    def search(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _search_rows(points, unit, low, slack, n_neighbors, start, min(start + ROWS, len(points)))

    found = []
    entries = 0
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        for block in tqdm(
            pool.map(search, starts), "neighbours", len(starts), disable=None if progress else True, leave=False
        ):
            found.append(block)
            entries += len(block[1])
            if entries > MAX_ENTRIES:
                pool.shutdown(cancel_futures=True)
                raise DataError(
                    f"more than {MAX_ENTRIES:,} pairs of points tie at the distance of neighbour "
                    f"{n_neighbors}: most points are copies of each other. Remove the copies"
                )
    counts, indices, distances = (np.concatenate(part) for part in zip(*found, strict=True))
    return Neighbors(np.concatenate([[0], np.cumsum(counts)]), indices, distances)


def _unit_float32(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centred points scaled into the unit ball, float32, and the error of half a squared distance, relative to
    ``|x|^2 + |y|^2`` (both points bring their own share)."""
    n, d = points.shape
    mean = points.mean(axis=0, dtype=np.float64)
    scale = 0.0
    for start in range(0, n, 8192):
        block = points[start : start + 8192] - mean
        scale = max(scale, float(np.abs(block).max()))
    scale = scale * np.sqrt(d) or 1.0
    unit = np.empty((n, d), np.float32)
    for start in range(0, n, 8192):
        unit[start : start + 8192] = (points[start : start + 8192] - mean) / scale
    u = 2.0**-24
    # Centring loses this much where the mean dwarfs the spread.
    lost = 2.0**-50 * float(np.abs(mean).max()) * np.sqrt(d) / scale
    return unit, 0.51 * d * u / (1 - d * u) + 8 * u + lost + TIE


def _search_rows(
    points: np.ndarray, unit: np.ndarray, low: np.ndarray, slack: np.ndarray, k: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, rows = len(points), stop - start
    room = min(n, 8 * k + 64)
    while True:
        kept = np.empty((rows, room), np.int32)
        bounds = np.empty((rows, room), np.float32)
        best = np.full((rows, k), np.inf, np.float32)
        fill = np.zeros(rows, np.int64)
        tile = np.empty((rows, min(COLUMNS, n)), np.float32)
        fits = True
        for column in range(0, n, COLUMNS):
            end = min(column + COLUMNS, n)
            product = np.matmul(unit[start:stop], unit[column:end].T, out=tile[:, : end - column])
            fits = _propose(product, low[column:end], slack, start, column, best, kept, bounds, fill)
            if not fits:
                break
        if fits:
            return _decide(points, start, k, best, slack, kept, bounds, fill)
        room = min(n, 4 * room)


@kernel(fastmath={"nnan", "nsz", "reassoc"})
def _any_below(product, low, first, last, limit):  # type: ignore[no-untyped-def]
    smallest = np.float32(np.inf)
    for j in range(first, last):
        smallest = min(smallest, low[j] - product[j])
    return smallest <= limit


@kernel()
def _propose(product, low, slack, start, column, best, kept, bounds, fill):  # type: ignore[no-untyped-def]
    """Keep the columns whose lower bound is within the K-th smallest upper bound; False when they do not fit."""
    rows, width = product.shape
    k, room = best.shape[1], kept.shape[1]
    for i in range(rows):
        limit = best[i, k - 1] + 2 * slack[start + i]
        for first in range(0, width, 64):
            last = min(first + 64, width)
            if not _any_below(product[i], low, first, last, limit):
                continue
            for j in range(first, last):
                value = low[j] - product[i, j]
                if value > limit or column + j == start + i:
                    continue
                if fill[i] == room:
                    kept_now = 0
                    for p in range(room):
                        if bounds[i, p] <= limit:
                            bounds[i, kept_now] = bounds[i, p]
                            kept[i, kept_now] = kept[i, p]
                            kept_now += 1
                    fill[i] = kept_now
                    if 2 * kept_now > room:
                        return False
                bounds[i, fill[i]] = value
                kept[i, fill[i]] = column + j
                fill[i] += 1
                upper = value + 2 * slack[column + j]
                if upper < best[i, k - 1]:
                    p = k - 1
                    while p > 0 and best[i, p - 1] > upper:
                        best[i, p] = best[i, p - 1]
                        p -= 1
                    best[i, p] = upper
                    limit = best[i, k - 1] + 2 * slack[start + i]
    return True


@kernel(fastmath={"nnan", "nsz", "reassoc", "contract"})
def _distance(x: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for d in range(x.shape[0]):
        difference = np.float64(x[d]) - np.float64(y[d])
        total += difference * difference
    return np.sqrt(total)


@kernel()
def _decide(points, start, k, best, slack, kept, bounds, fill):  # type: ignore[no-untyped-def]
    """Measure the proposed neighbours and keep, sorted, those not farther than the K-th."""
    rows = fill.shape[0]
    counts = np.empty(rows, np.int64)
    total = 0
    for i in range(rows):
        total += fill[i]
    indices = np.empty(total, np.int32)
    distances = np.empty(total, np.float64)
    end = 0
    for i in range(rows):
        limit = best[i, k - 1] + 2 * slack[start + i]
        measured = np.empty(fill[i], np.float64)
        candidates = np.empty(fill[i], np.int32)
        m = 0
        for p in range(fill[i]):
            if bounds[i, p] <= limit:
                candidates[m] = kept[i, p]
                measured[m] = _distance(points[start + i], points[kept[i, p]])
                m += 1
        order = np.argsort(measured[:m])
        farthest = measured[order[k - 1]] * (1 + TIE)
        count = 0
        while count < m and measured[order[count]] <= farthest:
            indices[end + count] = candidates[order[count]]
            distances[end + count] = measured[order[count]]
            count += 1
        counts[i] = count
        end += count
    return counts, indices[:end].copy(), distances[:end].copy()
