"""The runs of a comparison, from nothing or from where they were killed, and a row of `results.json` for each.

Every run is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...atomic import check_place, write_json
from ...devices import choose_device, device_name
from ...errors import ArtifactError, ConfigError, ConvexPruneError
from ...locks import FolderLock, owner_of
from ...program import END_WITH_STDIN
from ...progress import progress_bar
from ...resources import PACKAGE
from ...results.predictions import read_predictions
from ...results.provenance import Provenance, depth_of
from ...results.reading import FINISHED, read_cell
from ...results.result import Cost, Epoch, Result
from ...schema import read_json
from ...speechbrain.record import Record
from ...tasks.table import Task, get_task
from .comparison import Comparison, Run, check

SETTINGS, RECORD, LOG = "settings.json", "record.json", "run.log"


def run_all(comparison: Comparison) -> list[Result]:
    """Train and test what is not finished; the rows of all runs, in the form of `results.reading`.

    Raises:
        ConvexPruneError: a run ended in an error, which is repeated here; finished runs are kept.
        ArtifactError: another process works in the folder.
    """
    check(comparison)
    check_devices(comparison)
    comparison.output.mkdir(parents=True, exist_ok=True)
    rows = []
    with FolderLock(comparison.output / "lock") as lock:
        if not lock.held:
            raise ArtifactError(
                f"{comparison.output}: another process trains in it ({owner_of(lock.path)}); wait for it, or take "
                "another output folder"
            )
        for run in progress_bar(comparison.runs(), desc=f"finetune {comparison.task}", unit="run"):
            folder = comparison.output / run.path
            claim(folder, comparison.settings(run))
            if not (folder / FINISHED).exists():
                if not (folder / RECORD).exists():
                    execute(comparison.command(run), folder)
                result(comparison, run).write(folder / FINISHED)
            rows.append(replace(read_cell(folder), folder=run.path.as_posix()))
    return rows


def check_devices(comparison: Comparison) -> None:
    """Refuse to go on with a comparison on another device: its times and memory would share columns.

    Raises:
        ConfigError: finished runs were made on another one.
    """
    records = [comparison.output / run.path / RECORD for run in comparison.runs()]
    before = {Record.read(record).device for record in records if record.exists()}
    here = device_name(choose_device(comparison.device))
    if before - {here} and not all(record.exists() for record in records):
        raise ConfigError(
            f"{comparison.output}: finished runs were made on {', '.join(sorted(before))}, this would go on on {here}; "
            "choose that device with --device, or take another output folder"
        )


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Write what a run's folder is for, or check that it is for the same.

    Raises:
        ArtifactError: the folder was made with other settings; the message names them.
    """
    path = folder / SETTINGS
    if not path.exists():
        write_json(path, settings)
        return
    before = read_json(path)
    differ = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
    if differ:
        raise ArtifactError(f"{folder} was made with another {', '.join(differ)}; take another output folder")


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
        f"a run ended with status {status}: {lines[-1] if lines else 'no output'} (see {folder / LOG})"
    )


def result(comparison: Comparison, run: Run) -> Result:
    """What a finished run comes to: its record and its predictions, in the form of any other result.

    Raises:
        ArtifactError: the run is not finished, or its files do not belong together.
    """
    folder, task = comparison.output / run.path, get_task(comparison.task)
    record = Record.read(folder / RECORD)
    predictions = read_predictions(folder, task, task.evaluate_split, run.fold)
    settings = comparison.settings(run)
    return Result(
        how="finetuned",
        upstream=run.upstream,
        task=task.name,
        fold=run.fold,
        lr=record.lr_upstream,
        seed=run.seed,
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
            command=tuple(comparison.command(run)[1:]),
            recipe=settings["hparams"],
            recipe_sha256=settings["hparams_sha256"],
            overrides=tuple(f"{key}={value}" for key, value in comparison.overrides.items()),
            ckpt=comparison.ckpt,
            device=record.device,
            versions=record.versions,
            upstream_sha256=record.upstream_sha256,
            precision=record.precision,
            manifests=record.manifests,
            depth=depth_of(run.upstream),
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
