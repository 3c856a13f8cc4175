"""The full table of the page, and the provenance behind each of its numbers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..results.leaderboard import Entry
from ..results.provenance import Depth
from ..results.published import PublishedRow, four_task_score
from ..results.summary import TaskScore
from ..results.tables import TASK_SPECIFIC_MARK, depths, heading, spread, tasks_of
from ..tasks.table import TASKS, Task

SPARSE = 1 / 3  # share of empty cells from which a row is a task of an upstream
ABSOLUTE = re.compile(r"(?<![\w.:~-])/(?:[^\s/,;'\"=\]\[]+/)+[^\s,;'\"=\]\[]*")
ARXIV = re.compile(r"arXiv[: ](\d{4}\.\d{4,5})")


def full_table(entries: Sequence[Entry]) -> dict[str, Any]:
    """Columns and rows. Wide, a column a task; where upstreams have few tasks each, long, a row a task.

    Returns:
        ``columns`` and ``rows`` for the template, and ``details``: key of a number -> what its dialog says.
    """
    tasks = tasks_of(entries)
    filled = sum(len(entry.scores) for entry in entries)
    long = len(tasks) > 1 and filled < (1 - SPARSE) * len(tasks) * len(entries)
    details: dict[str, Any] = {}
    if long:
        rows = [
            _row(entry, [task], details, task)
            for task in tasks
            for entry in entries
            if task.name in entry.scores and entry.is_one_upstream
        ]
    else:
        rows = [_row(entry, tasks, details) for entry in entries]
    return {"columns": _columns(entries, tasks, long), "rows": rows, "details": details}


def _columns(entries: Sequence[Entry], tasks: Sequence[Task], long: bool) -> list[dict[str, Any]]:
    length = next((entry.macs_seconds for entry in entries if entry.macs_seconds), None)
    columns = [_column("name", "Upstream", text=True)]
    if long:
        columns += [_column("task", "Task", text=True)]
    columns += [_column("layers", "Layers"), _column("params", "M params")]
    if length is not None:
        columns += [_column("macs", f"GMACs ({length:g} s)"), _column("rtf", "Real-time factor")]
    if long:
        columns += [_column("result", "Score %", "descending"), _column("gap", "Difference [95 %]", "descending")]
        return columns
    for task in tasks:
        columns += [_column(task.name, heading(task), "descending" if task.higher_is_better else "ascending")]
    if any(entry.four_task_score is not None for entry in entries):
        columns += [_column("score", "4-task score ↑", "descending")]
    return columns


def _column(key: str, title: str, first: str = "ascending", text: bool = False) -> dict[str, Any]:
    return {"key": key, "title": title, "numeric": not text, "first": first}


def _row(entry: Entry, tasks: Sequence[Task], details: dict[str, Any], alone: Task | None = None) -> dict[str, Any]:
    cells = {
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
        cells[task.name] = _score_cell(entry, task, details)
    if alone is not None:
        gap = entry.differences.get(alone.name)
        cells["task"] = _cell(list(TASKS).index(alone.name), heading(alone))
        cells["result"] = {**cells[alone.name], "difference": None}
        cells["gap"] = _cell(gap.value, _difference(entry, alone)) if gap else _cell(None, None)
        cells["gap"]["shown"] = bool(gap and gap.shown)
    return {"whole": entry.is_whole, "task_specific": entry.task_specific, "cells": cells}


def _cell(sort_by: Any, text: str | None) -> dict[str, Any]:
    return {
        "sort": "" if sort_by is None else sort_by,
        "text": "–" if text is None else text,
        "detail": None,
        "link": None,
        "difference": None,
        "shown": False,
    }


def _score_cell(entry: Entry, task: Task, details: dict[str, Any]) -> dict[str, Any]:
    score = entry.scores.get(task.name)
    if score is None:
        return _cell(None, None)
    cell = _cell(score.mean, spread(score.mean, score.sd))
    gap = entry.differences.get(task.name)
    if gap:
        cell |= {"difference": _difference(entry, task), "shown": gap.shown}
    cell["detail"] = key = f"{entry.name}/{task.name}"
    details[key] = _provenance(entry, score, task)
    return cell


def _difference(entry: Entry, task: Task) -> str:
    gap = entry.differences[task.name]
    return f"{gap.value:+.2f} [{gap.low:+.2f},\u00a0{gap.high:+.2f}]".replace("-", "−")


def _provenance(entry: Entry, score: TaskScore, task: Task) -> dict[str, Any]:
    """What the dialog behind a number says: label -> text, the command, and the table of its cells."""
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
    }
    if made.depth:
        facts["Depth"] = "; ".join(_said(made.depth))
    if score.notes:
        facts["Not the benchmark's number"] = "; ".join(score.notes)
    table = [
        [str(row.seed), row.fold or "–", f"{row.dev:.2f}", f"{row.test:.2f}", str(row.step), Path(row.folder).name]
        for row in score.rows
    ]
    return {
        "title": f"{entry.name}: {task.title}",
        "facts": {label: without_folders(text) for label, text in facts.items()},
        "command": shlex.join(without_folders(word) for word in made.command),
        "columns": ["seed", "fold", "dev", "test", "step", "folder"],
        "cells": table,
    }


def without_folders(text: str) -> str:
    """Text whose absolute paths are cut to their last part: the maker's folders tell a reader nothing.

    >>> without_folders("config.datarc.root=/home/me/corpora/speech_commands,,upstream=/x/y.pt")
    'config.datarc.root=speech_commands,,upstream=y.pt'
    >>> without_folders("https://example.org/a/b and a/b stay")
    'https://example.org/a/b and a/b stay'
    """
    return ABSOLUTE.sub(lambda path: path[0].rstrip("/").rpartition("/")[2], text)


def _said(depth: Depth) -> list[str]:
    """What is known of a depth, "key: value" each."""
    known = {key: value for key, value in vars(depth).items() if key != "stated"} | (depth.stated or {})
    return [f"{key}: {value}" for key, value in known.items() if value is not None]


def published_table(rows: Sequence[PublishedRow]) -> dict[str, Any]:
    """The published rows, sortable, each with its source."""
    columns = [_column("name", "Upstream", text=True), _column("params", "M params"), _column("macs", "GMACs")]
    for task in TASKS.values():
        columns += [_column(task.name, heading(task), "descending" if task.higher_is_better else "ascending")]
    columns += [_column("score", "4-task score ↑", "descending"), _column("source", "Source", text=True)]
    return {"columns": columns, "rows": [_published(row) for row in rows]}


def _published(row: PublishedRow) -> dict[str, Any]:
    score = four_task_score(row.scores)
    cells = {
        "name": _cell(row.upstream, row.upstream),
        "params": _cell(row.params_m, f"{row.params_m:g}"),
        "macs": _cell(row.gmacs, None if row.gmacs is None else f"{row.gmacs:g}"),
        "score": _cell(score, None if score is None else f"{score:.0f}"),
        "source": _cell(row.source, row.source) | {"link": _link(row.source)},
    }
    for task in TASKS:
        value = row.scores.get(task)
        cells[task] = _cell(value, None if value is None else f"{value:.2f}")
    return {"whole": False, "task_specific": False, "cells": cells}


def _link(source: str) -> str | None:
    """Where a source is read: an arXiv number's page, a repository's."""
    if paper := ARXIV.search(source):
        return f"https://arxiv.org/abs/{paper[1]}"
    repository = re.match(r"[\w-]+/[\w.-]+(?= )", source)
    return f"https://github.com/{repository[0]}" if repository else None
