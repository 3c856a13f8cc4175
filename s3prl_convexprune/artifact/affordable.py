"""Which depths of an analysis keep a budget, and which of its limits is the one that binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..budget import BYTES, LIMITS, Budget, option_of
from ..errors import ConfigError
from .depth_times import DepthTime, DepthTimes

if TYPE_CHECKING:
    from .analysis import Analysis

UNITS = {
    "max_params": "{:.3g} of the parameters",
    "max_macs": "{:.3g} of the MACs",
    "max_mb": "{:.4g} MB",
    "max_latency_ms": "{:.4g} ms",
    "max_rtf": "a real-time factor of {:.3g}",
}


@dataclass(frozen=True)
class Affordable:
    """What a budget leaves of an analysis's depths.

    Attributes:
        fits: ``[layers]``, whether each row of the analysis keeps every limit.
        words: which limit bound, and what each one costs at the deepest depth that fits.
    """

    fits: np.ndarray
    words: str


def affordable(analysis: Analysis, budget: Budget) -> Affordable:
    """The depths that keep a budget.

    Args:
        analysis: its rows carry parameters and MACs by depth.
        budget: the limits; times are read from its `times`.

    Raises:
        ConfigError: the analysis has no costs, the times are of another upstream, or no depth fits; the message has
            the smallest depth's numbers.
        ArtifactError: the times cannot be read.
    """
    depths = [row.layer for row in analysis.layers]
    times = _times(analysis, budget)
    costs = _costs(analysis, times)
    limits = budget.limits()
    kept = {name: np.array(costs[name]) <= limit for name, limit in limits.items()}
    fits = np.logical_and.reduce(list(kept.values()))
    if not fits.any():
        cheapest = ", ".join(UNITS[name].format(costs[name][0]) for name in limits)
        asked = ", ".join(f"{option_of(name)} {limit:g}" for name, limit in limits.items())
        raise ConfigError(f"no depth keeps the budget {asked}: the smallest, L{depths[0]}, has {cheapest}")
    at = int(np.flatnonzero(fits)[-1])
    here = ", ".join(UNITS[name].format(costs[name][at]) for name in limits)
    words = f"the budget allows up to L{depths[at]} ({here})"
    fewest = min(int(held.sum()) for held in kept.values())
    binding = [name for name, held in kept.items() if int(held.sum()) == fewest < len(depths)]
    bound = [f"{option_of(name)} {limits[name]:g}" for name in binding]
    words += f"; {' and '.join(bound)} bound" if bound else "; nothing bound: every depth fits"
    if times is not None and any(LIMITS[name].timed for name in limits):
        words += f"; times of {times.seconds:g} s of audio on {times.machine}"
    return Affordable(fits, words)


def _times(analysis: Analysis, budget: Budget) -> DepthTimes | None:
    if budget.times is None:
        return None
    times = DepthTimes.read(budget.times)
    if times.upstream != analysis.upstream:
        raise ConfigError(f"{budget.times} is about {times.upstream}; the analysis is of {analysis.upstream}")
    lacking = {row.layer for row in analysis.layers} - {row.layers for row in times.depths}
    if lacking:
        raise ConfigError(f"{budget.times} has no L{min(lacking)}; measure again with 'profile --by-depth'")
    return times


def _costs(analysis: Analysis, times: DepthTimes | None) -> Mapping[str, list[float]]:
    """What every row costs, by the limit's name."""
    rows, whole = analysis.layers, analysis.layers[-1]
    if any(row.params is None for row in rows) or whole.params is None:
        raise ConfigError(f"the analysis of {analysis.upstream} has no parameters by depth: it cannot be cut")
    params = [row.params or 0 for row in rows]
    costs: dict[str, list[float]] = {
        "max_params": [count / whole.params for count in params],
        "max_macs": analysis.mac_shares(),
        "max_mb": [count * BYTES / 1e6 for count in params],
    }
    if times is not None:
        by_depth: dict[int, DepthTime] = {row.layers: row for row in times.depths}
        costs["max_latency_ms"] = [by_depth[row.layer].latency_ms for row in rows]
        costs["max_rtf"] = [by_depth[row.layer].rtf for row in rows]
    return costs
