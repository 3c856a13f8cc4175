"""The paper's table: what cutting changes once whole and cut are fine-tuned, per model and in the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ...paper import CHANGES
from ...tasks.task import Task
from .table import Line


@dataclass(frozen=True)
class Change:
    """Cut against whole, both fine-tuned the same way.

    Args:
        model: the whole upstream's name.
        layers: transformer layers kept.
        score: in points of the task's metric on test, mean over seeds.
        training_time: of one epoch's steps, in percent.
        inference_time: of the forward passes over the test set, in percent.
        size: parameters of the upstream, in percent.
    """

    model: str
    layers: int
    score: float
    training_time: float
    inference_time: float
    size: float


def change(whole: Line, cut: Line) -> Change:
    """What the cut changes against the whole.

    Args:
        whole, cut: two lines of one comparison (`table.lines`): same task, seeds, device and settings.
    """
    return Change(
        model=whole.upstream,
        layers=cut.layers,
        score=cut.score - whole.score,
        training_time=_percent(cut.train_seconds, whole.train_seconds),
        inference_time=_percent(cut.inference_seconds, whole.inference_seconds),
        size=_percent(cut.params, whole.params),
    )


def paper_table(changes: Sequence[Change], task: Task, label: str | None = None) -> str:
    """The paper's columns as Markdown: a line a model, their mean, and the poster's mean in a line of its own.

    Args:
        changes: one a model.
        task: what they were tested on; its metric names the column.
        label: ``word`` or ``speaker`` for the poster's row below, whose scores are accuracies; None for the measured
            rows alone.
    """
    head = ["model", "layers", task.metric, "training time", "inference time", "size"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    lines += [[one.model, str(one.layers), *_cells(one)] for one in changes]
    keys = ("score", "training_time", "inference_time", "size")
    means = {key: fmean(getattr(one, key) for one in changes) for key in keys}
    lines.append([f"measured, mean over {len(changes)}", "", *_cells(Change("", 0, **means))])
    if label is not None:
        published = CHANGES[label]
        accuracy = f"{published.accuracy:+.2f} %"
        times = (published.training_time, published.inference_time)
        lines.append(["published (poster, mean over models)", "", accuracy, *(f"{time:+.1f} %" for time in times), "-"])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _cells(one: Change) -> list[str]:
    times = [f"{value:+.1f} %" for value in (one.training_time, one.inference_time, one.size)]
    return [f"{one.score:+.2f} points", *times]


def _percent(value: float, reference: float) -> float:
    return 100 * (value / reference - 1)
