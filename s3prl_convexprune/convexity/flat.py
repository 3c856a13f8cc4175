"""Whether a curve over layers says anything: how wide its range would be if all layers were equally convex."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from s3prl_convexprune.convexity.result import GraphConvexity
from s3prl_convexprune.convexity.selection import joint_errors

LEVEL = 0.95


@dataclass(frozen=True)
class Flatness:
    """A curve's range beside what chance alone gives.

    Layers whose expected scores are all equal still differ by their errors, which move together because the points
    are the same. Drawing such errors many times says how wide a range they make. A curve is undecided when its range
    is within that in all but 1 of 20 draws: then layers that are equally convex would look as different.

    Attributes:
        range: the highest score minus the lowest, in points of percent.
        error: what equally convex layers stay within in 95 % of draws.
        noise: the median range of equally convex layers.
    """

    range: float
    error: float
    noise: float

    @property
    def undecided(self) -> bool:
        """Whether the range is within its error."""
        return self.range <= self.error

    @property
    def times_as_many(self) -> float | None:
        """How many times as many groups (or points) would decide, if the layers differ as much as they seem to.

        Errors shrink with the root of their number. What the layers really differ by is estimated as the part of the
        range's square that noise does not explain; None where noise explains all of it.
        """
        real = self.range**2 - self.noise**2
        return self.error**2 / real if real > 0 else None

    def needed(self, now: int) -> int | None:
        """`times_as_many` as a number of groups or points, of `now`."""
        times = self.times_as_many
        return None if times is None or not math.isfinite(times * now) else max(now + 1, math.ceil(times * now))


def flatness(results: Sequence[GraphConvexity], seed: int = 1337, draws: int = 20_000) -> Flatness:
    """Compare the range of a curve with that of equally convex layers.

    Args:
        results: one per layer, on the same points, labels and groups.
        seed: of the draws.
        draws: how many.

    Raises:
        DataError: no results, results on different points, or too few groups to know an error.
    """
    scores = [result.score for result in results]
    ranges = np.ptp(joint_errors(results, draws, np.random.default_rng(seed)), axis=1)
    noise, error = np.quantile(ranges, [0.5, LEVEL])
    return Flatness(max(scores) - min(scores), float(error), float(noise))
