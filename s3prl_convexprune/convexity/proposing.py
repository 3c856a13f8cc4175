"""What a float32 matrix product says about neighbours: bounds on distances, and the candidates they cannot rule out.

``|x - y|^2 = |x|^2 + |y|^2 - 2 x.y`` turns the search into a matrix product, which is fast and, for near points or
large norms, wrong: it subtracts large numbers that almost cancel. So the product only proposes. Each approximate
value comes with a bound on its rounding error (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
3.1: a product of length D errs by at most ``D u / (1 - D u) |x||y|`` in any order of summation), and every point
that the bound cannot rule out is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s3prl_convexprune.convexity.kernels import kernel

TIE = 1e-9  # distances closer than this, relatively, are the same distance


@dataclass(frozen=True)
class Scaled:
    """Centred points in the unit ball, and what bounds the error of their products.

    Of half a squared distance, with the row's own half left out: ``low[y] - x.y - slack[x]`` is not above it and
    ``low[y] - x.y + 2 slack[y] + slack[x]`` not below, whatever the product's rounding did.

    Attributes:
        unit: ``[N, D]`` float32.
        low, slack: ``[N]`` float32.
    """

    unit: np.ndarray
    low: np.ndarray
    slack: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray) -> Scaled:
        """Of checked points."""
        unit, error = _unit_float32(points)
        squares = np.einsum("nd,nd->n", unit, unit, dtype=np.float64)
        slack = error * squares + 1e-30
        low = (squares / 2 - slack).astype(np.float32)
        return cls(unit, low, np.nextafter(slack.astype(np.float32), np.float32(np.inf)))


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


@dataclass(frozen=True)
class Candidates:
    """For each of some rows the columns that may be among its K nearest.

    Attributes:
        best: ``[rows, K]`` the smallest upper bounds, ascending.
        limit: ``[rows]`` lower bounds above this are ruled out; ``-inf`` where the room ran out.
        kept, bounds: ``[rows, room]`` columns and their lower bounds, some of them ruled out since.
        fill: ``[rows]`` how many.
    """

    best: np.ndarray
    limit: np.ndarray
    kept: np.ndarray
    bounds: np.ndarray
    fill: np.ndarray

    @classmethod
    def none(cls, rows: int, k: int, room: int) -> Candidates:
        """None yet."""
        return cls(
            np.full((rows, k), np.inf, np.float32),
            np.full(rows, np.inf, np.float32),
            np.empty((rows, room), np.int32),
            np.empty((rows, room), np.float32),
            np.zeros(rows, np.int64),
        )

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """As the kernels take them."""
        return self.best, self.limit, self.kept, self.bounds, self.fill


@kernel()
def keep(row, own_slack, column, value, column_slack, best, limit, kept, bounds, fill):  # type: ignore[no-untyped-def]
    """One more candidate of a row, whose lower bound is within the limit; `value` is ``low - product``."""
    k, room = best.shape[1], kept.shape[1]
    if fill[row] == room:
        left = 0
        for p in range(room):
            if bounds[row, p] <= limit[row]:
                bounds[row, left] = bounds[row, p]
                kept[row, left] = kept[row, p]
                left += 1
        fill[row] = left
        if 2 * left > room:
            limit[row] = -np.inf
            return
    bounds[row, fill[row]] = value
    kept[row, fill[row]] = column
    fill[row] += 1
    upper = value + 2 * column_slack
    if upper < best[row, k - 1]:
        p = k - 1
        while p > 0 and best[row, p - 1] > upper:
            best[row, p] = best[row, p - 1]
            p -= 1
        best[row, p] = upper
        limit[row] = best[row, k - 1] + 2 * own_slack


@kernel(fastmath={"nnan", "nsz"})
def _any_below(product, low, limit):  # type: ignore[no-untyped-def]
    smallest = np.float32(np.inf)
    for j in range(product.shape[0]):
        smallest = min(smallest, low[j] - product[j])
    return smallest <= limit


@kernel()
def propose(product, width, low, slack, column, owners, own, own_slack, best, limit, kept, bounds, fill):  # type: ignore
    """Some rows' candidates among the first columns of one tile that are not their owner's; rows are counted from 0."""
    for i in range(product.shape[0]):
        for first in range(0, width, 64):
            last = min(first + 64, width)
            if not _any_below(product[i, first:last], low[first:last], limit[i]):
                continue
            for j in range(first, last):
                value = low[j] - product[i, j]
                if value <= limit[i] and owners[j] != own[i]:
                    keep(i, own_slack[i], column + j, value, slack[j], best, limit, kept, bounds, fill)


@kernel(fastmath={"nnan", "nsz"})
def _any_below_both(product, low, limit, own_low, limits):  # type: ignore[no-untyped-def]
    found = False
    for j in range(product.shape[0]):
        found |= (low[j] - product[j] <= limit) | (own_low - product[j] <= limits[j])
    return found


@kernel()
def propose_both(product, skip, low, slack, row, column, best, limit, kept, bounds, fill):  # type: ignore
    """The candidates that a tile, but for its first columns, holds for its rows and, the product being symmetric,
    for its columns; rows and columns are numbered as the points are."""
    for i in range(row, row + product.shape[0]):
        line = product[i - row]
        for first in range(skip, product.shape[1], 64):
            last = min(first + 64, product.shape[1])
            start, stop = column + first, column + last
            if not _any_below_both(line[first:last], low[start:stop], limit[i], low[i], limit[start:stop]):
                continue
            for j in range(start, stop):
                value = low[j] - line[j - column]
                if value <= limit[i]:
                    keep(i, slack[i], j, value, slack[j], best, limit, kept, bounds, fill)
                value = low[i] - line[j - column]
                if value <= limit[j]:
                    keep(j, slack[j], i, value, slack[i], best, limit, kept, bounds, fill)
