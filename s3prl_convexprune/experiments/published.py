"""A study's numbers beside the paper's published ones: its curves, and what cutting changed after fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..analysis.published import agreement, agreement_table, published_for
from ..artifact import Analysis
from ..paper import CHANGES
from ..results.result import Result
from ..tasks.table import get_task
from .cuts import Cut
from .finetuned.paper_table import change, paper_table
from .finetuned.table import Line, lines
from .study import Study


def curves(analyses: Sequence[Analysis]) -> list[str]:
    """How far each measured curve agrees with the published one, as Markdown; nothing where there is none."""
    found = [agreement(analysis, curve) for analysis in analyses if (curve := published_for(analysis)) is not None]
    if not found:
        return ["No published curve is of these models and labels."]
    return agreement_table(found).splitlines()


def changes(study: Study, chosen: Mapping[str, Sequence[Cut]], rows: Sequence[Result]) -> list[str]:
    """What each rule's cuts change once fine-tuned, a table a rule with the paper's columns, as Markdown.

    A cut whose whole upstream was not fine-tuned too has nothing to be compared with, and is left out.

    Args:
        study: the study.
        chosen: title of an evaluation -> its cuts.
        rows: every result of the study.
    """
    text: list[str] = []
    for evaluation in study.evaluate:
        if evaluation.how != "finetuned":
            continue
        cuts, task = chosen[evaluation.title], get_task(evaluation.task)
        label = study.analyses[study.labelling_of(evaluation)].label.removesuffix("s")
        own = [row for row in rows if (row.how, row.task) == ("finetuned", evaluation.task)]
        by_name: dict[str, Line] = {}
        for base in study.bases:
            names = {cut.name for cut in cuts if cut.base == base}
            found = [row for row in own if row.upstream in names]
            by_name |= dict(zip(dict.fromkeys(row.upstream for row in found), lines(found), strict=True))
        wholes = {cut.base: cut.name for cut in cuts if cut.layers == cut.of}
        for choose in study.rules_of(evaluation):
            if choose.rule in ("whole", "all-depths"):
                continue
            own_cuts = [cut for cut in cuts if cut.choose == choose and cut.base in wholes]
            if not own_cuts:
                continue
            made = [change(by_name[wholes[cut.base]], by_name[cut.name]) for cut in own_cuts]
            comparable = study.published and choose.rule == "paper" and task.higher_is_better
            beside = label if comparable and label in CHANGES else None
            text += ["", f"{evaluation.title}, {choose.title}:", *paper_table(made, task, beside).splitlines()]
    return text
