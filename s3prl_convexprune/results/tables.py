"""The leaderboard as Markdown, CSV and JSON. Published rows form a table of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..markdown import escape, table
from ..tasks.table import TASKS, Task
from ..versions import PROGRAM
from .leaderboard import Entry
from .published import PublishedRow, four_task_score

BOARD = "leaderboard"
BOARD_VERSION = 1
PARAMS_RULE = (
    "Parameters: all of the upstream's, whether trained or not, heads left in its checkpoint included (SUPERB's rule); "
    "with one depth a task the deepest counts."
)
SCORE_RULE = (
    "The 4-task score is the benchmark's normalisation over ASR, SID, KS and ER; it is not the SUPERB score, which "
    "needs all tasks, and it is given only for rows made by the published protocol on the published corpora, with the "
    "recipe that ships."
)
DIFFERENCE_RULE = (
    "Differences are to the whole upstream, trained alike up to the learning rate, on the same test utterances, with a "
    "95 % interval by paired bootstrap over utterances; an interval that holds 0 shows no difference."
)
TASK_SPECIFIC_MARK = "†"
TASK_SPECIFIC_RULE = f"{TASK_SPECIFIC_MARK} depth chosen with the task's labels, one depth a task."


CSV_COLUMNS = [
    *("kind", "upstream", "base", "task", "metric", "mean", "sd", "seeds", "folds", "lr"),
    *("layers", "params", "macs", "macs_seconds", "rtf", "task_specific"),
    *("difference", "low", "high", "rank", "source"),
]


CSV_HEADER = ",".join(CSV_COLUMNS)


def tasks_of(entries: Sequence[Entry]) -> list[Task]:
    """The tasks that any row has, in the benchmark's order."""
    return [task for name, task in TASKS.items() if any(name in entry.scores for entry in entries)]


def heading(task: Task) -> str:
    """Column title with unit and direction.

    >>> heading(TASKS["asr"]), heading(TASKS["ks"])
    ('ASR WER % ↓', 'KS acc % ↑')
    """
    return f"{task.title} " + ("acc % ↑" if task.higher_is_better else "WER % ↓")


def spread(mean: float, sd: float | None) -> str:
    """A mean with its standard deviation over seeds, if there are several.

    >>> spread(96.3, None), spread(96.3, 0.21)
    ('96.30', '96.30 ± 0.21')
    """
    return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"


def _million(count: int) -> str:
    return f"{count / 1e6:.2f}"


def _giga(count: int | None) -> str:
    return "–" if count is None else f"{count / 1e9:.2f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def markdown(entries: Sequence[Entry], published: Sequence[PublishedRow] = ()) -> str:
    """The tables for a README: scores and cost, differences to the whole upstream, published rows."""
    tasks = tasks_of(entries)
    length = next((entry.macs_seconds for entry in entries if entry.macs_seconds), None)
    macs_title = "GMACs" if length is None else f"GMACs ({length:g} s)"
    lines = ["Measured here. **Best** and _second best_ a column.", ""]
    columns = ["Upstream", "Layers", "M params", macs_title, "RTF", *map(heading, tasks), "4-task score"]
    lines += table(columns, [_markdown_row(entry, tasks) for entry in entries])
    differing = [entry for entry in entries if entry.differences]
    if differing:
        lines += ["", "Difference to the whole upstream, percentage points [95 % interval].", ""]
        lines += table(["Upstream", *map(heading, tasks)], [_difference_row(entry, tasks) for entry in differing])
    lines += ["", PARAMS_RULE, DIFFERENCE_RULE, SCORE_RULE]
    if any(entry.task_specific for entry in entries):
        lines.append(TASK_SPECIFIC_RULE)
    lines += [f"- {escape(note)}" for note in departures(entries)]
    if published:
        lines += [
            "",
            "Published, not measured here, not ranked with the rows above (GMACs: the benchmark's 32 files).",
            "",
        ]
        columns = ["Upstream", "M params", "GMACs", *map(heading, TASKS.values()), "4-task score", "Source"]
        lines += table(columns, [_published_row(row) for row in published])
    return "\n".join(lines) + "\n"


def departures(entries: Sequence[Entry]) -> list[str]:
    """How the numbers depart from the published protocol, each departure once, and what could not be compared."""
    found = {
        f"{TASKS[task].title}: {note}." for e in entries for task, score in e.scores.items() for note in score.notes
    }
    return sorted(found) + sorted({f"{e.name}: {remark}." for e in entries for remark in e.remarks})


def _name(entry: Entry) -> str:
    return escape(entry.name) + (f" {TASK_SPECIFIC_MARK}" if entry.task_specific else "")


def depths(entry: Entry) -> str:
    """Layers of the row: one number, or one a task where they differ."""
    by_task = {task: score.layers for task, score in entry.scores.items()}
    if len(set(by_task.values())) == 1:
        return str(entry.layers)
    return ", ".join(f"{TASKS[task].title} {layers}" for task, layers in by_task.items())


def _markdown_row(entry: Entry, tasks: Sequence[Task]) -> list[str]:
    cells = [_name(entry), depths(entry), _million(entry.params), _giga(entry.macs), _number(entry.rtf, 3)]
    for task in tasks:
        score = entry.scores.get(task.name)
        text = "–" if score is None else spread(score.mean, score.sd)
        cells.append({1: f"**{text}**", 2: f"_{text}_"}.get(entry.ranks.get(task.name, 0), text))
    return [*cells, _number(entry.four_task_score, 0)]


def _difference_row(entry: Entry, tasks: Sequence[Task]) -> list[str]:
    cells = [_name(entry)]
    for task in tasks:
        gap = entry.differences.get(task.name)
        cells.append("–" if gap is None else f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]")
    return cells


def _published_row(row: PublishedRow) -> list[str]:
    scores = [f"{row.scores[task]:.2f}" for task in TASKS]
    score = _number(four_task_score(row.scores), 0)
    return [
        escape(row.upstream),
        f"{row.params_m:g}",
        "–" if row.gmacs is None else f"{row.gmacs:g}",
        *scores,
        score,
        escape(row.source),
    ]


def as_csv(entries: Sequence[Entry], published: Sequence[PublishedRow] = ()) -> str:
    """One line a row and task, for a spreadsheet; ``kind`` says measured or published."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        for task, score in entry.scores.items():
            gap = entry.differences.get(task)
            writer.writerow(
                {
                    "kind": "measured",
                    "upstream": inert(entry.name),
                    "base": entry.base and inert(entry.base),
                    "task": task,
                    "metric": TASKS[task].metric,
                    "mean": score.mean,
                    "sd": score.sd,
                    "seeds": len(score.seeds),
                    "folds": len(score.folds) or None,
                    "lr": score.lr,
                    "layers": score.layers,
                    "params": score.params,
                    "macs": entry.macs,
                    "macs_seconds": entry.macs_seconds,
                    "rtf": entry.rtf,
                    "task_specific": entry.task_specific,
                    "difference": gap and gap.value,
                    "low": gap and gap.low,
                    "high": gap and gap.high,
                    "rank": entry.ranks.get(task),
                }
            )
    for row in published:
        for task, value in row.scores.items():
            cost = {"params": round(row.params_m * 1e6), "source": inert(row.source)}
            writer.writerow(
                {
                    "kind": "published",
                    "upstream": inert(row.upstream),
                    "task": task,
                    "metric": TASKS[task].metric,
                    "mean": value,
                }
                | cost
            )
    return file.getvalue()


def inert(text: str) -> str:
    """Text that a spreadsheet does not take for a formula.

    >>> inert("=1+1"), inert("hubert")
    ("'=1+1", 'hubert')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_json(entries: Sequence[Entry], published: Sequence[PublishedRow] = ()) -> dict[str, Any]:
    """Everything in the table, the cells behind each number included."""
    return {
        "format": f"{PROGRAM} {BOARD}",
        "version": BOARD_VERSION,
        "rules": [PARAMS_RULE, DIFFERENCE_RULE, SCORE_RULE, TASK_SPECIFIC_RULE],
        "departures": departures(entries),
        "measured": [{**asdict(entry), "four_task_score": entry.four_task_score} for entry in entries],
        "published": [asdict(row) for row in published],
    }
