"""The table of a comparison: accuracy, parameters, training and inference time against the first upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from ...markdown import escape
from ...markdown import table as markdown_table
from ...numbers import SCORE
from ...results.result import Cost, Result, Seconds
from ...tasks.table import Task, get_task

KIND = "comparison"  # what the table's file calls itself
CLOSE = 0.05  # a run has reached the first upstream when it is within 5 per cent of its dev score


@dataclass(frozen=True)
class Line:
    """One upstream of the table.

    Attributes:
        upstream: its name.
        layers: transformer layers.
        score: mean over seeds of the task's metric on test, percent; over folds first.
        spread: standard deviation over seeds, None with one seed.
        params: upstream parameters.
        train_seconds: median over runs and epochs of the time of one epoch's training steps.
        seconds_to_target: mean training time until dev first reached the target; None when a run did not reach it.
        inference_seconds: median over runs of the time of the forward passes over the test set.
        peak_memory: most bytes of any run.
    """

    upstream: str
    layers: int
    score: float
    spread: float | None
    params: int
    train_seconds: float
    seconds_to_target: float | None
    inference_seconds: float
    peak_memory: int | None


def lines(rows: Sequence[Result], target: float | None = None) -> list[Line]:
    """Sum up the rows of a comparison, an upstream a line, in the rows' order.

    Args:
        rows: results of one comparison, all of one task.
        target: a dev score to reach, in the task's metric; None takes the first upstream's mean best dev score, less
            (accuracy) or plus (error rate) 5 per cent of it.

    Times are wall-clock seconds on a GPU and seconds of processor time on a CPU, which other programs on the
    machine do not stretch.
    """
    if target is not None:
        SCORE.check("--target", target)
    task = get_task(rows[0].task)
    upstreams = list(dict.fromkeys(row.name for row in rows))
    if target is None:
        best = fmean(row.dev for row in rows if row.name == upstreams[0])
        target = best * (1 - CLOSE if task.higher_is_better else 1 + CLOSE)
    return [_line([row for row in rows if row.name == name], task, target) for name in upstreams]


def _line(rows: Sequence[Result], task: Task, target: float) -> Line:
    by_seed: dict[int, list[float]] = {}
    for row in rows:
        by_seed.setdefault(row.seed, []).append(row.test)
    scores = [fmean(folds) for folds in by_seed.values()]
    costs = [row.cost for row in rows if row.cost is not None]
    reached = [_seconds_to(cost, task, target) for cost in costs]
    memory = [cost.peak_memory.bytes for cost in costs]
    return Line(
        upstream=rows[0].name,
        layers=rows[0].layers,
        score=fmean(scores),
        spread=stdev(scores) if len(scores) > 1 else None,
        params=rows[0].params,
        train_seconds=median(_seconds(cost, epoch.train_seconds) for cost in costs for epoch in cost.epochs),
        seconds_to_target=None if None in reached else fmean(filter(None, reached)),
        inference_seconds=median(_seconds(cost, cost.inference_seconds) for cost in costs),
        peak_memory=None if None in memory else max(filter(None, memory), default=None),
    )


def _seconds(cost: Cost, measured: Seconds) -> float:
    return measured.cpu if cost.device == "cpu" else measured.wall


def _seconds_to(cost: Cost, task: Task, target: float) -> float | None:
    spent = 0.0
    for epoch in cost.epochs:
        spent += _seconds(cost, epoch.train_seconds)
        if epoch.dev == target or task.better(epoch.dev, target):
            return spent
    return None


def markdown(table: Sequence[Line], task: Task) -> str:
    """The table as Markdown; times and parameters as changes against the first line, in per cent.

    Absolute seconds are left out: they belong to a machine, the ratios to the upstreams.
    """
    head = [
        "upstream",
        "layers",
        f"test {task.metric} %",
        "params",
        "change",
        "training time",
        "to target",
        "inference",
        "peak memory",
    ]
    first, out = table[0], []
    for line in table:
        out.append(
            [
                escape(line.upstream),
                str(line.layers),
                f"{line.score:.2f}" + ("" if line.spread is None else f" ± {line.spread:.2f}"),
                f"{line.params / 1e6:.2f} M",
                _change(line.params, first.params),
                _change(line.train_seconds, first.train_seconds),
                "not reached"
                if line.seconds_to_target is None
                else _change(line.seconds_to_target, first.seconds_to_target),
                _change(line.inference_seconds, first.inference_seconds),
                _change(line.peak_memory, first.peak_memory),
            ]
        )
    return "\n".join(markdown_table(head, out)) + "\n"


def _change(value: float | None, reference: float | None) -> str:
    """
    >>> _change(30, 60), _change(60, 60), _change(None, 60)
    ('-50 %', '+0 %', '-')
    """
    return f"{100 * (value / reference - 1):+.0f} %" if value and reference else "-"
