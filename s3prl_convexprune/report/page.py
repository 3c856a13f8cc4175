"""Fill the page's template: the table, the trade-offs, the convexity curves, and the provenance behind each number."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..artifact import Analysis
from ..atomic import write_text
from ..outputs import check_output, mark
from ..results.leaderboard import Entry, make_leaderboard
from ..results.provenance import Depth
from ..results.published import PublishedRow, four_task_score
from ..results.result import Result
from ..results.summary import TaskScore
from ..results.tables import (
    DIFFERENCE_RULE,
    PARAMS_RULE,
    SCORE_RULE,
    TASK_SPECIFIC_MARK,
    TASK_SPECIFIC_RULE,
    departures,
    depths,
    heading,
    spread,
    tasks_of,
)
from ..tasks.table import TASKS, Task
from ..upstreams.profile import Profile
from .figures import curve_figure, trade_off_figure

PAGE = "page"


def write_page(
    rows: Sequence[Result],
    analyses: Sequence[Analysis],
    profiles: Sequence[Profile],
    output: str | Path,
    notes: Sequence[str] = (),
    *,
    systems: Mapping[str, Mapping[str, str]] | None = None,
    published: Sequence[PublishedRow] = (),
    title: str = "Convexity-based pruning: accuracy and cost",
) -> Path:
    """Write the self-contained HTML page.

    Args:
        rows: cells with their folders, as `results.leaderboard.load_rows` gives them.
        analyses: whose convexity curves are shown.
        profiles: cost an upstream, as `upstreams.profile.read_profiles` gives them.
        output: the file.
        notes: sentences that stand above the table.
        systems: rows made of one upstream a task; see `make_leaderboard`.
        published: published rows, shown in a table of their own.
        title: of the page.

    Raises:
        ArtifactError: the rows do not belong together.
    """
    import jinja2

    entries = make_leaderboard(rows, profiles=profiles, systems=systems)
    details: dict[str, Any] = {}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    tasks = tasks_of(entries)
    versions = {name: text for row in rows for name, text in row.provenance.versions.items()}
    html = environment.get_template("page.html.j2").render(
        title=title,
        mark=mark(PAGE),
        notes=notes,
        columns=_columns(entries, tasks),
        measured=[_table_row(entry, tasks, details) for entry in entries],
        trade_offs=[figure for task in tasks if (figure := trade_off_figure(entries, task))],
        curves=[curve_figure(analysis, rows) for analysis in analyses],
        published=[_published(row) for row in published],
        published_columns=[heading(task) for task in TASKS.values()],
        rules=[PARAMS_RULE, DIFFERENCE_RULE, SCORE_RULE]
        + ([TASK_SPECIFIC_RULE] if any(entry.task_specific for entry in entries) else []),
        departures=departures(entries),
        versions=versions,
        machine=str(profiles[0].machine) if profiles else None,
        details=json.dumps(details, ensure_ascii=False).replace("<", "\\u003c"),
    )
    return write_text(check_output(output, PAGE), html)


def _columns(entries: Sequence[Entry], tasks: Sequence[Task]) -> list[dict[str, Any]]:
    length = next((entry.macs_seconds for entry in entries if entry.macs_seconds), None)
    columns = [
        {"key": "name", "title": "Upstream", "numeric": False, "first": "ascending"},
        {"key": "layers", "title": "Layers", "numeric": True, "first": "ascending"},
        {"key": "params", "title": "M params", "numeric": True, "first": "ascending"},
    ]
    if length is not None:
        columns.append({"key": "macs", "title": f"GMACs ({length:g} s)", "numeric": True, "first": "ascending"})
        columns.append({"key": "rtf", "title": "Real-time factor", "numeric": True, "first": "ascending"})
    for task in tasks:
        first = "descending" if task.higher_is_better else "ascending"
        columns.append({"key": task.name, "title": heading(task), "numeric": True, "first": first})
    if any(entry.four_task_score is not None for entry in entries):
        columns.append({"key": "score", "title": "4-task score ↑", "numeric": True, "first": "descending"})
    return columns


def _table_row(entry: Entry, tasks: Sequence[Task], details: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = {
        "name": _cell(entry.name, entry.name + (f" {TASK_SPECIFIC_MARK}" if entry.task_specific else "")),
        "layers": _cell(entry.layers, depths(entry)),
        "params": _cell(entry.params, f"{entry.params / 1e6:.2f}"),
        "macs": _cell(entry.macs, None if entry.macs is None else f"{entry.macs / 1e9:.2f}"),
        "rtf": _cell(entry.rtf, None if entry.rtf is None else f"{entry.rtf:.3f}"),
        "score": _cell(
            entry.four_task_score, None if entry.four_task_score is None else f"{entry.four_task_score:.0f}"
        ),
    }
    for task in tasks:
        score = entry.scores.get(task.name)
        if score is None:
            cells[task.name] = _cell(None, None)
            continue
        cell = _cell(score.mean, spread(score.mean, score.sd))
        cell["rank"] = entry.ranks.get(task.name)
        gap = entry.differences.get(task.name)
        if gap:
            cell["difference"] = f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]".replace("-", "−")
            cell["difference_shown"] = gap.shown
        cell["detail"] = key = f"{entry.name}/{task.name}"
        details[key] = _provenance(entry, score, task)
        cells[task.name] = cell
    return {"whole": entry.is_whole, "task_specific": entry.task_specific, "cells": cells}


def _cell(sort_by: Any, text: str | None) -> dict[str, Any]:
    return {
        "sort": "" if sort_by is None else sort_by,
        "text": "–" if text is None else text,
        "rank": None,
        "detail": None,
        "difference": None,
        "difference_shown": False,
    }


def _provenance(entry: Entry, score: TaskScore, task: Task) -> dict[str, Any]:
    """What the dialog behind a number says: label -> text, and the table of its cells."""
    first = score.rows[0]
    made = first.provenance
    facts = {
        "Number": f"{spread(score.mean, score.sd)} ({heading(task)}), test set of {score.utterances:,} utterances",
        "Upstream": f"{score.name}, {score.layers} layers, {score.params:,} parameters",
        "Weights (SHA-256)": made.upstream_sha256,
        "Learning rate": f"{score.lr:g}, best on dev of {', '.join(f'{lr:g}' for lr in score.tried)}"
        if len(score.tried) > 1
        else f"{score.lr:g} (the only one tried)",
        "Dev": f"{score.dev:.2f}, which chose the checkpoint",
        "Test set (SHA-256)": first.truth_sha256,
        "Recipe": f"{made.recipe} (SHA-256 {made.recipe_sha256})",
        "Command": shlex.join(made.command),
    }
    if made.depth:
        facts["Depth"] = "; ".join(_said(made.depth))
    if score.notes:
        facts["Not the benchmark's number"] = "; ".join(score.notes)
    columns = ["seed", "fold", "dev", "test", "step", "folder"]
    table = [
        [str(row.seed), row.fold or "–", f"{row.dev:.2f}", f"{row.test:.2f}", str(row.step), Path(row.folder).name]
        for row in score.rows
    ]
    return {"title": f"{entry.name}: {task.title}", "facts": facts, "columns": columns, "cells": table}


def _said(depth: Depth) -> list[str]:
    """What is known of a depth, "key: value" each."""
    known = {key: value for key, value in vars(depth).items() if key != "stated"} | (depth.stated or {})
    return [f"{key}: {value}" for key, value in known.items() if value is not None]


def _published(row: PublishedRow) -> dict[str, Any]:
    score = four_task_score(row.scores)
    return {
        "name": row.upstream,
        "params": f"{row.params_m:g}",
        "macs": "–" if row.gmacs is None else f"{row.gmacs:g}",
        "scores": [f"{row.scores[task]:.2f}" for task in TASKS],
        "score": "–" if score is None else f"{score:.0f}",
        "source": row.source,
    }
