"""Which layer to cut at, from the scores of the layers, measured on the same points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from s3prl_convexprune.convexity.groups import FEWEST
from s3prl_convexprune.convexity.result import GraphConvexity
from s3prl_convexprune.errors import ConfigError, DataError, nearest
from s3prl_convexprune.policies import SCORED


@np.vectorize
def below(deviation: float) -> float:
    """The standard normal's distribution function; scipy's takes half a second to import.

    >>> float(below(-1.0).round(3))
    0.159
    """
    return 0.5 * math.erfc(-deviation / math.sqrt(2))


ONE_SEM = float(below(-1.0))  # how often a layer one standard error behind would come out ahead: 0.159


def probability_best(results: Sequence[GraphConvexity], seed: int = 1337, draws: int = 100_000) -> np.ndarray:
    """How probable it is that each layer is the most convex one in the population the points were drawn from.

    Scores of layers move together when points change, because the points are the same: the joint error is normal,
    or Student's t where groups were given, with the covariance of the layers' influences; sampling errors come on top.

    Args:
        results: one per layer, on the same points and labels in the same order.
        seed: of the draws.
        draws: how many; the answer is exact to about ``0.5 / sqrt(draws)``.

    Returns:
        ``[layers]``, summing to 1.

    Raises:
        DataError: no results, or results on different points.
    """
    scores = np.array([r.score for r in results])
    errors = joint_errors(results, draws, np.random.default_rng(seed))
    best = np.argmax(scores + errors, axis=1)
    return np.bincount(best, minlength=len(scores)) / draws


def joint_errors(results: Sequence[GraphConvexity], draws: int, rng: np.random.Generator) -> np.ndarray:
    """Errors of the layers' scores, drawn together: ``[draws, layers]`` in points of percent.

    Raises:
        DataError: no results, results on different points, or too few groups to know an error.
    """
    influences = _influences(results)
    # A thin factor of the covariance: the influences' own triangular factor, then each layer's sampling error.
    factor = np.asarray(np.linalg.qr(influences.T, mode="r"))
    errors = rng.standard_normal((draws, len(factor))) @ factor
    if results[0].degrees is not None:  # a multivariate t: the covariance itself is known from few groups only
        degrees = results[0].degrees
        errors *= np.sqrt(degrees / rng.chisquare(degrees, (draws, 1)))
    return errors + rng.standard_normal((draws, len(results))) * np.array([r.sampling_sem for r in results])


def choose_layer(
    results: Sequence[GraphConvexity] | Sequence[float],
    policy: str = "argmax",
    *,
    costs: Sequence[float] | None = None,
    max_cost: float | None = None,
) -> int:
    """The position in `results` of the layer to keep last.

    Args:
        results: one per layer, shallowest first; plain scores do for "argmax" and "budget".
        policy: "argmax": the highest score, the shallowest of equals.
            "within-sem": the shallowest layer that cannot be told from that one: in the joint error of both layers
            it would come out ahead at least as often as a layer one standard error behind, 16 % of the time.
            "budget": the highest score among the layers that cost at most `max_cost`.
        costs: for "budget", each layer's share (0 to 1) of the full model's cost.
        max_cost: for "budget".

    Raises:
        ConfigError: an unknown policy, or a budget that is missing or that no layer meets.
        DataError: no scores, NaN among them, results on different points, or plain scores for "within-sem".

    Example:
        >>> choose_layer([61.0, 80.0, 79.5])
        1
        >>> choose_layer([61.0, 80.0, 79.5], "budget", costs=[0.3, 0.7, 1.0], max_cost=0.5)
        0
    """
    if policy not in SCORED:
        raise ConfigError(f"unknown policy {policy!r}{nearest(policy, SCORED)}")
    if len(results) == 0:
        raise DataError("no layers to choose from")
    scores = np.array([r.score if isinstance(r, GraphConvexity) else float(r) for r in results])
    if np.isnan(scores).any():
        raise DataError(f"the score of layer {int(np.flatnonzero(np.isnan(scores))[0])} is NaN")
    if policy == "argmax":
        return int(np.argmax(scores))
    if policy == "budget":
        return _within_budget(scores, costs, max_cost)
    measured = [r for r in results if isinstance(r, GraphConvexity)]
    if len(measured) < len(results):
        raise DataError(
            "the policy within-sem compares layers point by point; it needs GraphConvexity results "
            "(GraphConvexity.from_dict reads them back), not plain scores"
        )
    influences = _influences(measured)
    best = int(np.argmax(scores))
    variance = ((influences - influences[best]) ** 2).sum(axis=1)
    variance += np.array([r.sampling_sem**2 + measured[best].sampling_sem ** 2 for r in measured])
    gap = scores[best] - scores
    ahead = np.where(gap == 0, 0.5, below(-gap / np.sqrt(np.maximum(variance, 1e-300))))
    return int(np.argmax(ahead >= ONE_SEM))


def _within_budget(scores: np.ndarray, costs: Sequence[float] | None, max_cost: float | None) -> int:
    if costs is None or max_cost is None:
        raise ConfigError("the policy budget needs costs (one share per layer) and max_cost")
    shares = np.asarray(costs, dtype=float)
    if shares.shape != scores.shape:
        raise ConfigError(f"one cost per layer is needed: {len(scores)} layers but {shares.size} costs")
    if not (np.isfinite(shares).all() and (shares > 0).all() and (shares <= 1 + 1e-9).all()):
        raise ConfigError("costs are shares of the full model's cost, above 0 and at most 1")
    affordable = shares <= max_cost
    if not affordable.any():
        raise ConfigError(
            f"no layer costs at most {max_cost:g} of the full model; the cheapest costs {shares.min():.3g}"
        )
    return int(np.argmax(np.where(affordable, scores, -np.inf)))


def _influences(results: Sequence[GraphConvexity]) -> np.ndarray:
    if len(results) == 0:
        raise DataError("no layers to compare")
    for result in results:
        if math.isnan(result.sem):
            given = result.settings.get("n_blocks")
            raise DataError(f"{given} groups are too few to tell layers apart; at least {FEWEST} are needed")
    lengths = {len(r.influence) for r in results}
    if len(lengths) > 1:
        raise DataError(f"layers can be compared only on the same points; these have {sorted(lengths)} points")
    return np.stack([r.influence for r in results])
