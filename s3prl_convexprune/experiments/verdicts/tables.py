"""The verdicts of every frozen evaluation that scored all depths, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...analysis.screen import Screen
from ...artifact import Analysis
from ...results.result import Result
from ...results.summary import score_task
from ...tasks.table import get_task
from ..cuts import Cut
from ..rules import RULES
from ..study import Base, Study
from . import depths as every_depth
from . import equal_cost, rules
from .answers import read_answers
from .resampling import resampled


def tables(
    study: Study,
    chosen: Mapping[str, Sequence[Cut]],
    rows: Sequence[Result],
    analyses: Mapping[tuple[str, str], Analysis],
    screens: Sequence[Screen],
) -> list[str]:
    """For each task and upstream: every depth, every rule, and sets of layers of equal cost.

    Args:
        study: the study.
        chosen: title of an evaluation -> its cuts.
        rows: the cells, with folders that can be opened from here.
        analyses: (upstream, labelling) -> the convexity of its layers.
        screens: what was predicted.

    Raises:
        ArtifactError: cells do not belong together, or their files are damaged.
    """
    lines: list[str] = []
    for evaluation in study.evaluate:
        cuts = chosen[evaluation.title]
        if evaluation.how != "frozen" or not any(cut.choose.rule == "all-depths" for cut in cuts):
            continue
        own = [row for row in rows if row.task == evaluation.task and row.how == "frozen"]
        name = study.labelling_of(evaluation)
        for base in study.bases:
            analysis = analyses[base.name, name]
            screen = next((s for s in screens if s.analysis_key == analysis.settings.key), None)
            lines += _of(base, [cut for cut in cuts if cut.base == base], own, analysis, screen, study.margin)
    return lines


def _of(
    base: Base, cuts: Sequence[Cut], rows: Sequence[Result], analysis: Analysis, screen: Screen | None, margin: float
) -> list[str]:
    names = dict.fromkeys(cut.name for cut in cuts)
    measured = {name: score_task([row for row in rows if row.upstream == name]) for name in names}
    answers = read_answers(measured)
    scores = resampled(answers)
    depths = {cut.layers: cut.name for cut in cuts if cut.choose.rule == "all-depths"}
    others = [cut for cut in cuts if _elsewhere(cut, depths)]
    chosen = {cut.choose.title: (cut.name, _kept(cut, depths)) for cut in cuts if cut.choose.rule != "all-depths"}
    title = f"{get_task(rows[0].task).title}, {base.name}"
    found = rules.table(title, rules.verdicts(depths, chosen, scores), len(depths), margin)
    kept = [
        equal_cost.Kept(name, own[0].layers, tuple(cut.choose.title for cut in own))
        for name in dict.fromkeys(cut.name for cut in others)
        if (own := [cut for cut in others if cut.name == name])
    ]
    lines = ["", *every_depth.table(title, depths, scores, measured, analysis, screen), "", *found]
    if kept:
        lines += ["", *equal_cost.table(title, depths, kept, scores, margin)]
    return [*lines, "", f"{title}: intervals draw {answers.counted}."]


def _elsewhere(cut: Cut, depths: Mapping[int, str]) -> bool:
    """Whether other than the top layers were dropped. A cut that keeps none, only the state before them, is a cut."""
    return RULES[cut.choose.rule].drops and cut.name not in depths.values()


def _kept(cut: Cut, depths: Mapping[int, str]) -> str:
    return f"{cut.layers} layers" if _elsewhere(cut, depths) else f"L{cut.layers}"
