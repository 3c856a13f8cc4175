"""Fill the page's template: the answer, the tables, the figures' numbers, and the provenance behind each number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..analysis.plot import CONVEXITY_TITLE, LAYER_TITLE
from ..analysis.screen import Screen
from ..artifact import Analysis
from ..atomic import write_text
from ..outputs import check_output, mark
from ..results.leaderboard import make_leaderboard
from ..results.published import PublishedRow
from ..results.result import Result
from ..results.tables import (
    DIFFERENCE_RULE,
    PARAMS_RULE,
    SCORE_RULE,
    TASK_SPECIFIC_MARK,
    TASK_SPECIFIC_RULE,
    departures,
)
from ..upstreams.profile import Profile
from . import beside, curves, decision
from .board import full_table, published_table, without_folders
from .decision import Decision
from .screens import predicted
from .tradeoff import trade_off
from .vega import vega_script

PAGE = "page"


def write_page(
    rows: Sequence[Result],
    analyses: Sequence[Analysis],
    profiles: Sequence[Profile],
    output: str | Path,
    notes: Sequence[str] = (),
    *,
    decisions: Sequence[Decision] | None = None,
    systems: Mapping[str, Mapping[str, str]] | None = None,
    wholes: Mapping[str, str] | None = None,
    published: Sequence[PublishedRow] = (),
    other: Sequence[Result] = (),
    screens: Sequence[Screen] = (),
    title: str = "Convexity-based pruning: accuracy and cost",
) -> Path:
    """Write the self-contained HTML page.

    Args:
        rows: cells with their folders, as `results.leaderboard.load_rows` gives them.
        analyses: whose convexity curves are shown.
        profiles: cost an upstream, as `upstreams.profile.read_profiles` gives them.
        output: the file.
        notes: sentences that stand below the answer.
        decisions: the answer; `decision.decisions_of` the rows when None.
        systems, wholes: rows made of one upstream a task, and what is a cut of what; see `make_leaderboard`.
        published: published rows, shown in a table of their own and as hollow marks.
        other: rows of another board, which stand beside these with their differences.
        screens: predictions of accuracy, as `screens.screens_beside` finds them.
        title: of the page.

    Raises:
        ArtifactError: the rows do not belong together.
    """
    import jinja2

    output = check_output(output, PAGE)
    entries = make_leaderboard(rows, profiles=profiles, systems=systems, wholes=wholes)
    answer = decision.decisions_of(entries) if decisions is None else list(decisions)
    columns, cells = decision.table(answer)
    board = full_table(entries)
    weights = {analysis.settings.key: analysis.checkpoint.weights_sha256 for analysis in analyses}
    figures = {
        "tradeOff": trade_off(entries, profiles, published),
        "curves": [curves.curve(analysis, rows, decisions or ()) for analysis in analyses],
        "screens": [predicted(screen, entries, weights.get(screen.analysis_key)) for screen in screens],
        "pairs": curves.pairs(analyses),
        "details": board["details"],
        "words": {"layer": LAYER_TITLE, "convexity": CONVEXITY_TITLE},
    }
    versions = {name: text for row in rows for name, text in row.provenance.versions.items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    html = environment.get_template("page.html.j2").render(
        title=title,
        mark=mark(PAGE),
        typeset=_typeset,
        answers=decision.sentences(answer),
        margin=f"{decision.MARGIN:g}",
        decision_columns=columns,
        decision_rows=cells,
        notes=[without_folders(note) for note in notes],
        board=board if entries else None,
        beside=beside.table(rows, other) if other else None,
        figures=figures,
        published=published_table(published) if published else None,
        rules=[PARAMS_RULE, DIFFERENCE_RULE, SCORE_RULE]
        + ([TASK_SPECIFIC_RULE] if any(entry.task_specific for entry in entries) else []),
        mark_of_labels=TASK_SPECIFIC_MARK,
        departures=[without_folders(said) for said in departures(entries)],
        versions=versions,
        machine=str(profiles[0].machine) if profiles else None,
        data=_inert(figures),
        vega=vega_script() if figures["tradeOff"] or analyses or screens else "",
    )
    return write_text(output, html)


def _typeset(text: str) -> str:
    """A number in print's signs, that breaks between a value and its interval alone."""
    if text == "-":
        return "–"
    if not any(sign.isdigit() for sign in text):
        return text
    return re.sub(r" (?!\[|->)", "\u00a0", text).replace("->", "→").replace("-", "−")


def _inert(content: Any) -> str:
    """JSON that does not end the script element it stands in."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
