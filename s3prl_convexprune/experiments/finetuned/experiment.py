"""One cell of a comparison, from nothing or from where it was killed, to a finished number.

The recipe is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...atomic import check_place
from ...errors import ArtifactError, ConvexPruneError
from ...program import END_WITH_STDIN
from ...resources import PACKAGE
from ...results.cell import Cell
from ...results.predictions import read_predictions
from ...results.provenance import Provenance, depth_of
from ...results.reading import FINISHED, LOG
from ...results.result import Cost, Epoch, Result
from ...speechbrain.record import Record
from ...tasks.table import Task, get_task
from ..cells.claim import claim

if TYPE_CHECKING:
    from .comparison import Comparison

RECORD = "record.json"


def run_cell(comparison: Comparison, cell: Cell) -> None:
    """Train and test a cell by its recipe, from nothing or from where it was killed, and write `finished.json`.

    Raises:
        ArtifactError: the folder belongs to a cell with other settings.
        ConvexPruneError: the recipe ended in an error, which is repeated here.
    """
    folder = comparison.folder(cell)
    comparison.check_unchanged(cell)
    claim(folder, comparison.spec(cell), comparison.SPEC)
    if not (folder / RECORD).exists():
        execute(comparison.command(cell), folder)
    result(comparison, cell).write(folder / FINISHED)


def execute(command: Sequence[str], folder: Path) -> None:
    """Run a recipe; what it prints goes to `run.log` in the folder. It ends with this process, however that ends.

    Raises:
        ConvexPruneError: it failed; the message is the recipe's own.
    """
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    with (folder / LOG).open("a", encoding="utf-8") as log:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), END_WITH_STDIN: "1"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, env=environment, **pipes) as trainer:
            try:
                status = trainer.wait()
            except BaseException:
                trainer.kill()
                raise
    if status == 0:
        return
    check_place(folder, folder=True)  # on a full disk the recipe could not say so
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.partition("error: ")[2] for line in lines if line.startswith("train.py: error: ")]
    if status == 2 and said:
        raise ConvexPruneError(said[-1])
    raise ConvexPruneError(
        f"the recipe ended with status {status}: {lines[-1] if lines else 'no output'} (see {folder / LOG})"
    )


def result(comparison: Comparison, cell: Cell) -> Result:
    """What a finished cell comes to: its record and its predictions, in the form of any other result.

    Raises:
        ArtifactError: it is not finished, its files do not belong together, or they are of another cell.
    """
    folder, task = comparison.folder(cell), get_task(comparison.task)
    record = Record.read(folder / RECORD)
    expected = {"upstream": cell.upstream, "seed": cell.seed, "precision": comparison.precision}
    for key, value in expected.items():
        if (said := getattr(record, key)) != value:
            raise ArtifactError(f"{folder / RECORD}: says {key} {said}; expected {value}, the cell's")
    predictions = read_predictions(folder, task, task.evaluate_split, cell.fold)
    spec = comparison.spec(cell)
    return Result(
        how="finetuned",
        **{**asdict(cell), "lr": record.lr_upstream},
        metric=task.metric,
        dev=score(task, record.best.valid),
        test=predictions.score(task),
        step=record.steps,
        total_steps=record.epochs[-1].step,
        utterances=len(predictions.utterances),
        truth_sha256=predictions.truth_sha256,
        layers=record.layers,
        params=record.upstream_parameters,
        provenance=Provenance(
            command=tuple(comparison.command(cell)[1:]),
            recipe=spec["hparams"],
            recipe_sha256=spec["hparams_sha256"],
            overrides=tuple(f"{key}={value}" for key, value in comparison.overrides.items()),
            ckpt=comparison.ckpt,
            device=record.device,
            versions=record.versions,
            upstream_sha256=record.upstream_sha256,
            precision=record.precision,
            manifests=record.manifests,
            depth=depth_of(cell.upstream),
        ),
        cost=Cost(
            epochs=tuple(
                Epoch(
                    epoch.epoch,
                    epoch.step,
                    score(task, epoch.valid),
                    epoch.train_loss,
                    epoch.train_seconds,
                    epoch.valid,
                )
                for epoch in record.epochs
            ),
            inference_seconds=record.inference_seconds,
            test_audio_seconds=record.test_audio_seconds,
            peak_memory=record.peak_memory,
            device=record.device,
            head_parameters=record.head_parameters,
        ),
    )


def score(task: Task, stats: dict[str, float]) -> float:
    """The task's metric, in percent, from a recipe's own stage metrics."""
    return 100.0 - stats["error_rate"] if task.higher_is_better else stats["WER"]
