"""The page's figures with what stands beside them: scores against cost, and convexity over the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..artifact import Analysis, Choice
from ..results.leaderboard import Entry
from ..results.result import Result
from ..tasks.table import Task
from .svg import Point, curve, trade_off

MOST_CLASS_LINES = 40


def trade_off_figure(entries: Sequence[Entry], task: Task) -> dict[str, str] | None:
    """Every upstream's score on a task against its cost; rows made of several upstreams appear as those."""
    having = [entry for entry in entries if task.name in entry.scores and entry.is_one_upstream]
    if len(having) < 2:
        return None
    by_macs = all(entry.macs is not None for entry in having)
    points = [
        Point(
            label=_short(entry),
            name=entry.name,
            cost=((entry.macs or 0) / 1e9) if by_macs else entry.params / 1e6,
            score=entry.scores[task.name].mean,
            sd=entry.scores[task.name].sd,
            whole=entry.is_whole,
        )
        for entry in having
    ]
    x_title = f"GMACs for {having[0].macs_seconds:g} s of audio" if by_macs else "M parameters"
    metric = "accuracy" if task.higher_is_better else "word error rate"
    description = f"{task.title}: test {metric} against {x_title}"
    svg = trade_off(points, task.higher_is_better, x_title, f"test {metric}, %", description)
    return {"title": f"{task.title}: {metric} against cost", "svg": svg}


def _short(entry: Entry) -> str:
    """A cut by its depth, with its own name if a config gave it one."""
    suffix = entry.name.removeprefix(f"{entry.base}_convexpruned_")
    depth = f"L{entry.layers}"
    return entry.name if entry.is_whole else depth if suffix == depth else f"{suffix} ({depth})"


def curve_figure(analysis: Analysis, rows: Sequence[Result]) -> dict[str, Any]:
    """Convexity over the layers, with the depth that the page's rows were cut at, and where the numbers come from."""
    choice = _choice(analysis, rows)
    values = [score for _, score, _ in analysis.curve()]
    classes = sorted(analysis.layers[0].per_class)[:MOST_CLASS_LINES]
    lines = [[row.per_class[name] for row in analysis.layers] for name in classes]
    where = f"over the layers of {analysis.subject}; layer {choice.layer} chosen"
    description = f"Convexity of {analysis.label} classes {where}"
    certainty = (
        f"Most convex: layer {choice.best} ({values[choice.best]:.2f} %). "
        f"Chosen by {choice.policy}: layer {choice.layer}, the most convex one with probability "
        f"{choice.probability_best:.2f}."
    )
    corpus = analysis.corpus
    warned = "".join(
        f", {count} of them {what}"
        for count, what in ((corpus.silent, "digital silence"), (corpus.cut, "cut short by the protocol"))
        if count
    )
    facts = {
        "Corpus": f"{corpus.name}, {corpus.n_points} points{warned}, split {corpus.split or 'all'}",
        "Corpus fingerprint": corpus.fingerprint,
        "Weights (SHA-256)": analysis.checkpoint.weights_sha256,
        "Settings": ", ".join(f"{key} {value}" for key, value in asdict(analysis.settings).items()),
    }
    table = [(layer, f"{score:.2f}", f"{error:.2f}") for layer, score, error in analysis.curve()]
    return {
        "title": f"{analysis.label}: {analysis.subject}",
        "svg": curve(values, [error for _, _, error in analysis.curve()], choice.layer, lines, description),
        "certainty": certainty,
        "facts": facts,
        "table": table,
    }


def _choice(analysis: Analysis, rows: Sequence[Result]) -> Choice:
    """The depth that was chosen from an analysis for the rows on the page; the most convex one when none was."""
    for row in rows:
        depth = row.provenance.depth
        if depth and depth.policy and depth.analysis_key == analysis.settings.key:
            return analysis.choose(depth.policy, max_macs=depth.max_macs)
    return analysis.choose()
