"""Rules that choose from the points of an analysis by something else than convexity.

Rules of a depth keep at least one layer; rules that drop layers drop as many as the most convex layer's cut does, so
that what is compared is as large. `rules` says what each goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import MinLen

from ..artifact import Analysis
from ..errors import ArtifactError, DataError
from ..schema import Artifact, AtLeastOne, Count, Sha256
from ..upstreams.names import depths_of, whole_upstreams
from .analyses import analysis_path
from .rules import RULES
from .study import Base

if TYPE_CHECKING:
    from ..analysis.kept_points import KeptPoints

Measure = Callable[["KeptPoints", str], Sequence[float]]
Choice = Callable[[Sequence[float], Sequence[int]], int]


@dataclass(frozen=True)
class RivalChoice(Artifact):
    """What a rule chose from the points of the analysis with this key.

    Args:
        analysis_key: the analysis's key.
        rule: the rule.
        keep: how many layers a rule that drops layers was to keep; 0 for rules of a depth.
        scores: what it went by: one per state, shallowest first; for layers that are dropped, one per layer or block.
        layers: the layers that it keeps, counted from 1.
    """

    FORMAT: ClassVar[str] = "rival choice"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune study"

    analysis_key: Sha256
    rule: str
    keep: Count
    scores: tuple[float, ...]
    layers: Annotated[tuple[AtLeastOne, ...], MinLen(1)]


def rival_choice(rule: str, base: Base, name: str, analysis: Analysis, keep: int, output: Path) -> RivalChoice:
    """What a rule that needs points chooses for an upstream; kept in the study's folder.

    Args:
        rule: its name.
        base: the whole upstream.
        name: the study's labelling.
        analysis: its analysis, beside which the points lie.
        keep: how many layers are left when layers are dropped.
        output: the study's folder.

    Raises:
        ArtifactError: the points are not there, or of another analysis.
        DataError: the rule cannot be applied to these points.
    """
    from ..analysis.kept_points import KeptPoints, points_path

    keep = keep if RULES[rule].drops else 0
    kept = output / "rivals" / f"{base.name}-{name}-{rule}.json"
    if kept.is_file():
        found = RivalChoice.read(kept)
        if (found.analysis_key, found.rule, found.keep) == (analysis.settings.key, rule, keep):
            return found
        kept.unlink()
    points = KeptPoints.read(points_path(analysis_path(output, base, name)))
    if points.analysis_key != analysis.settings.key:
        raise ArtifactError(f"{points_path(analysis_path(output, base, name))}: are the points of another analysis")
    try:
        scores, layers = chosen(rule, points, analysis.label, keep)
    except DataError as error:
        raise DataError(f"the rule {rule} cannot be applied to {name} of {base.name}: {error}") from None
    choice = RivalChoice(analysis.settings.key, rule, keep, tuple(map(float, scores)), tuple(map(int, layers)))
    choice.write(kept)
    return choice


def screened_depth(base: Base, name: str, analysis: Analysis, output: Path, margin: float | None) -> int:
    """The depth that `screen` predicts to be the best, or the shallowest that it predicts not to be worse by a margin.

    Args:
        base: the whole upstream.
        name: the study's labelling.
        analysis: its analysis, beside which the screen lies or is made.
        output: the study's folder.
        margin: points; None for the depth of the highest predicted accuracy.

    Raises:
        ConvexPruneError: as `analysis.screen.screen`.
    """
    from ..analysis.screen import Screen, screen, screen_path

    path = analysis_path(output, base, name)
    made = Screen.read(screen_path(path)) if screen_path(path).is_file() else None
    expected = base.final_norm or depths_of(whole_upstreams()[base.entry]).final_norm
    # None where the upstream has no such LayerNorm
    if made is None or made.analysis_key != analysis.settings.key or made.final_norm not in (None, expected):
        made = screen(path, final_norm=base.final_norm)
    if margin is not None:
        return made.non_inferior(margin).depth
    return best([row.accuracy for row in made.rows], [row.depth for row in made.rows])


def chosen(rule: str, points: KeptPoints, label: str, keep: int) -> tuple[Sequence[float], list[int]]:
    """What a rule goes by, and the layers that it keeps.

    Args:
        rule: its name.
        points: the points of every state.
        label: the label whose classes the rule tells apart, where it uses them.
        keep: how many layers are left when layers are dropped.

    Raises:
        DataError: it cannot be applied to these points.
    """
    if RULES[rule].drops:
        return _dropping(rule, points, keep)
    scores, choose = DEPTHS[rule]
    values = scores(points, label)
    return values, list(range(1, choose(values, points.depths) + 1))


def _dropping(rule: str, points: KeptPoints, keep: int) -> tuple[Sequence[float], list[int]]:
    from ..convexity.layer_drops import block_influence, knn_influence, without_block, without_least

    if points.depths != tuple(range(len(points.depths))):
        raise DataError(f"it needs the states before and after every layer; these are of depths {points.depths}")
    drop = points.depths[-1] - keep
    if rule == "knn-bi":
        influence = knn_influence(points.states)
        return influence, without_least(influence, drop)
    if points.between is None:
        raise DataError("frames of its states cannot be compared: states differ in width or in rate")
    cosines, angles = points.between
    if rule == "angular":
        return np.diagonal(angles, drop).tolist(), without_block(angles, drop)
    return (influence := block_influence(cosines)), without_least(influence, drop)


def best(scores: Sequence[float], depths: Sequence[int]) -> int:
    """The shallowest of the depths whose score is best, depth 0 left out.

    >>> best([9.0, 2.0, 3.0, 3.0], [0, 1, 2, 3])
    2
    """
    return max((depth for depth in depths if depth > 0), key=lambda depth: (scores[depths.index(depth)], -depth))


def knee(similarity: Sequence[float], depths: Sequence[int]) -> int:
    """Where a rising curve lies farthest above the line between its ends, depth 0 left out.

    >>> knee([0.0, 0.2, 0.8, 0.9, 1.0], [0, 1, 2, 3, 4])
    2
    """
    line = np.linspace(similarity[0], similarity[-1], len(similarity))
    return best((np.asarray(similarity) - line).tolist(), depths)


def after_the_peak(dimension: Sequence[float], depths: Sequence[int]) -> int:
    """Where the dimension is smallest behind its peak, depth 0 left out; the peak itself where nothing follows it.

    The dimension of a transformer's states rises to a peak and falls, and what tells meanings apart is found where it
    has come down (Valeriani et al., "The geometry of hidden representations of large transformer models", NeurIPS
    2023, section 4). Of equals the shallowest.

    >>> after_the_peak([5.0, 9.0, 20.0, 12.0, 8.0, 10.0], [0, 1, 2, 3, 4, 5])
    4
    """
    behind = int(np.argmax(dimension)) + 1
    if behind == len(depths):
        return depths[-1]
    return best([-value for value in dimension[behind:]], depths[behind:])


def _to_the_last(measure: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
    return lambda points, label: [measure(state, points.states[-1]) for state in points.states]


def _cka(points: KeptPoints, label: str) -> Sequence[float]:
    from ..convexity.similarity import linear_cka

    return _to_the_last(linear_cka)(points, label)


def _cosine(points: KeptPoints, label: str) -> Sequence[float]:
    from ..convexity.similarity import mean_cosine

    return _to_the_last(mean_cosine)(points, label)


def _mutual_knn(points: KeptPoints, label: str) -> Sequence[float]:
    from ..convexity.layer_drops import unit_norm
    from ..convexity.similarity import mutual_knn

    return _to_the_last(lambda state, last: mutual_knn(unit_norm(state), unit_norm(last)))(points, label)


def _each(measure: str, **options: bool) -> Measure:
    """A number of the state's points and their classes."""

    def scores(points: KeptPoints, label: str) -> Sequence[float]:
        from ..convexity import transferability

        return [getattr(transferability, measure)(state, points.columns[label], **options) for state in points.states]

    return scores


def _dimension(points: KeptPoints, label: str) -> Sequence[float]:
    from ..convexity.intrinsic_dimension import two_nn

    return [two_nn(state) for state in points.states]


def _probe(points: KeptPoints, label: str) -> Sequence[float]:
    from ..analysis.screen import default_group
    from ..convexity.accuracy import probe_accuracy

    groups = points.columns[default_group(label, points)]
    return [probe_accuracy(state, points.columns[label], groups=groups) for state in points.states]


#: Rule of a depth -> what it goes by, a number per state, and how that chooses.
DEPTHS: dict[str, tuple[Measure, Choice]] = {
    "probe": (_probe, best),
    "logme": (_each("log_me"), best),
    "h-score": (_each("h_score"), best),
    "h-score-shrunk": (_each("h_score", shrink=True), best),
    "two-nn": (_dimension, after_the_peak),
    "cka": (_cka, knee),
    "cosine": (_cosine, knee),
    "mutual-knn": (_mutual_knn, knee),
}
