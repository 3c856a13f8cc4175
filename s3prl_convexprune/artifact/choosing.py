"""From the curve of an analysis to a depth: the policies, and when no policy may decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..budget import Budget, option_of
from ..convexity import choose_layer, flatness, probability_best
from ..convexity.groups import FEWEST
from ..errors import ConfigError, UndecidedError, nearest
from ..paper import paper_depth
from ..policies import DEFAULT_POLICY, FALLBACKS, POLICIES, REGARDLESS
from .affordable import affordable
from .parts import plural

if TYPE_CHECKING:
    from .analysis import Analysis


@dataclass(frozen=True)
class Choice:
    """A depth chosen from an analysis.

    Args:
        layer: the layer chosen: how many transformer layers are kept.
        best: the most convex layer.
        policy: the rule that chose.
        probability_best: of the chosen layer, that it is the most convex one, given the sampling error; None where
            that is not known.
        undecided: why the fallback chose and not the policy asked for; empty when the curve decided.
        budget: what the budget allows and which of its limits bound; empty for other policies.
    """

    layer: int
    best: int
    policy: str
    probability_best: float | None
    undecided: str = ""
    budget: str = ""


def choose(analysis: Analysis, policy: str = DEFAULT_POLICY, budget: Budget | None = None) -> Choice:
    """The layer that a policy names, whether or not the curve says anything.

    Args:
        analysis: the analysis.
        policy: ``argmax``: the most convex layer, the paper's principle. ``within-sem``: the shallowest that cannot be
            told from it. ``budget``: the most convex that keeps `budget`. ``paper``: the depth that the paper used for
            this label and size of model, whatever was measured. ``whole``: the last layer.
        budget: for ``budget``: the limits.

    Raises:
        ConfigError: the policy needs what is not there, or no layer fits the budget.
        DataError: ``within-sem`` without a known error.
    """
    if policy not in FALLBACKS:
        raise ConfigError(f"unknown policy {policy!r}{nearest(policy, POLICIES)}")
    if policy == "budget" and budget is None:
        budget = Budget()  # which names the limits there are
    if policy != "budget" and budget is not None:
        given = ", ".join(map(option_of, budget.limits()))
        raise ConfigError(f"{given}: the policy budget is the only one that takes limits, not {policy}")
    results = analysis.results()
    words = ""
    if policy == "whole":
        at = len(results) - 1
    elif policy == "paper":
        depth = paper_depth(analysis.label, analysis.layers[-1].layer)
        depths = [row.layer for row in analysis.layers]
        if depth not in depths:
            raise ConfigError(f"the analysis has no L{depth}, which the paper keeps for {analysis.label}")
        at = depths.index(depth)
    elif budget is not None:
        left = affordable(analysis, budget)
        words = left.words
        at = int(np.argmax(np.where(left.fits, [result.score for result in results], -np.inf)))
    else:
        at = choose_layer(results, policy)
    known = analysis.layers[0].sem is not None
    return Choice(
        layer=analysis.layers[at].layer,
        best=analysis.layers[choose_layer(results)].layer,
        policy=policy,
        probability_best=float(probability_best(results)[at]) if known else None,
        budget=words,
    )


def at_depth(analysis: Analysis, layer: int, policy: str) -> Choice:
    """The choice of a depth that something else than convexity made."""
    results, rows = analysis.results(), [row.layer for row in analysis.layers]
    known = analysis.layers[0].sem is not None
    probability = float(probability_best(results)[rows.index(layer)]) if known else None
    return Choice(layer, rows[choose_layer(results)], policy, probability)


def decide(
    analysis: Analysis, policy: str = DEFAULT_POLICY, budget: Budget | None = None, fallback: str | None = None
) -> Choice:
    """`choose`, unless the curve decides nothing: then the fallback's choice, or an error.

    Args:
        analysis: the analysis.
        policy, budget: as for `choose`.
        fallback: the policy that chooses when the curve does not: one of those, or ``whole`` to cut nothing.

    Raises:
        UndecidedError: the curve decides nothing and there is no fallback; the message says what would decide.
        ConfigError: as `choose`.
    """
    if fallback is not None and fallback not in FALLBACKS:
        raise ConfigError(f"unknown fallback {fallback!r}{nearest(fallback, FALLBACKS)}")
    reason = "" if policy in REGARDLESS or policy == "whole" else undecided(analysis)
    if not reason:
        return choose(analysis, policy, budget)
    choose(analysis, "argmax" if policy == "within-sem" else policy, budget)  # what is wrong with it comes first
    if fallback is None:
        raise UndecidedError(f"{reason}; name a policy for this case with --fallback (fallback), such as whole")
    return replace(choose(analysis, fallback, budget if fallback == "budget" else None), undecided=reason)


def undecided(analysis: Analysis) -> str:
    """Which analysis decides nothing, why, and what would; empty when it does decide."""
    reason = why_undecided(analysis)
    return reason and f"undecided: {analysis.title} on {analysis.corpus.name}: {reason}"


def why_undecided(analysis: Analysis) -> str:
    """Why the curve decides nothing, and what would; empty when it does decide.

    The rule (see `convexity.flat`): the curve's range is within what equally convex layers would show in 19 of 20
    draws of such groups (or points), or the groups are too few to know.
    """
    grouping = analysis.grouping
    what = plural(grouping.kind) if grouping.kind != "none" else "utterances"
    now = grouping.groups if grouping.kind != "none" else analysis.corpus.n_points
    if len(analysis.layers) < 2:
        return ""
    if analysis.layers[0].sem is None:
        return f"{now} {what} are too few to say how certain its layers are; at least {FEWEST} are needed"
    flat = flatness(analysis.results())
    if not flat.undecided:
        return ""
    more = flat.needed(now)
    decides = (
        f"about {more} {what} in place of {now} would decide, if the layers differ as they seem to"
        if more is not None
        else f"its layers look equally convex, so how many more than {now} {what} would decide cannot be said"
    )
    return f"its layers lie {flat.range:.2f} points apart, within the error of {flat.error:.2f}; {decides}"
