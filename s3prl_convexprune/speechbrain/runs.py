"""The runs of a comparison, from nothing or from where they were killed, and a row of `results.json` for each.

Every run is a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..atomic import write_json
from ..devices import choose_device, device_name
from ..errors import ArtifactError, ConfigError, ConvexPruneError, UnknownUpstreamError
from ..names import resolve
from ..resources import PACKAGE
from ..superb.predictions import read_predictions
from ..superb.results import RESULTS_VERSION, read_json
from ..superb.tasks import Task, get_task
from .comparison import Comparison, Run, check

SETTINGS, RECORD, LOG = "settings.json", "record.json", "run.log"
PROTOCOL = "finetuned"
COSTS = ("inference_seconds", "test_audio_seconds", "peak_memory", "device", "head_parameters")


def run_all(comparison: Comparison) -> list[dict[str, Any]]:
    """Train and test what is not finished; the rows of all runs, in the form of `superb.results`.

    Raises:
        ConvexPruneError: a run ended in an error, which is repeated here; finished runs are kept.
    """
    check(comparison)
    check_devices(comparison)
    rows = []
    for run in tqdm(comparison.runs(), desc=f"finetune {comparison.task}", unit="run"):
        folder = comparison.output / run.path
        claim(folder, comparison.settings(run))
        if not (folder / RECORD).exists():
            execute(comparison.command(run), folder)
        rows.append(row(comparison, run))
    return rows


def check_devices(comparison: Comparison) -> None:
    """Refuse to go on with a comparison on another device: its times and memory would share columns.

    Raises:
        ConfigError: finished runs were made on another one.
    """
    records = [comparison.output / run.path / RECORD for run in comparison.runs()]
    before = {read_json(record)["device"] for record in records if record.exists()}
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
    """Run a recipe; what it prints goes to `run.log` in the folder.

    Raises:
        ConvexPruneError: it failed; the message is the recipe's own.
    """
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    with (folder / LOG).open("a", encoding="utf-8") as log:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        status = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False
        ).returncode
    if status == 0:
        return
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.partition("error: ")[2] for line in lines if line.startswith("train.py: error: ")]
    if status == 2 and said:
        raise ConvexPruneError(said[-1])
    raise ConvexPruneError(
        f"a run ended with status {status}: {lines[-1] if lines else 'no output'} (see {folder / LOG})"
    )


def row(comparison: Comparison, run: Run) -> dict[str, Any]:
    """A finished run as a row of `results.json`: what a frozen cell's row has, and what fine-tuning adds.

    Raises:
        ArtifactError: the run is not finished, or its files do not belong together.
    """
    folder, task = comparison.output / run.path, get_task(comparison.task)
    record = read_json(folder / RECORD)
    predictions = read_predictions(folder, task, task.evaluate_split, run.fold)
    best = min(record["epochs"], key=lambda epoch: epoch["valid"][record["criterion"]])
    return {
        "version": RESULTS_VERSION,
        "protocol": PROTOCOL,
        "upstream": title(run.upstream),
        "folder": run.path.as_posix(),
        "task": task.name,
        "fold": run.fold,
        "lr": record["lr_upstream"],
        "seed": run.seed,
        "metric": task.metric,
        "dev": score(task, best["valid"]),
        "test": predictions.score(task),
        "step": record["steps"],
        "total_steps": record["epochs"][-1]["step"],
        "utterances": len(predictions.utterances),
        "truth_sha256": predictions.truth_sha256,
        "layers": record["layers"],
        "params": record["upstream_parameters"],
        "cost": {
            "epochs": [{**epoch, "dev": score(task, epoch["valid"])} for epoch in record["epochs"]],
            **{key: record[key] for key in COSTS},
        },
        "provenance": {
            "command": comparison.command(run)[1:],
            "settings": comparison.settings(run),
            "versions": record["versions"],
            "device": record["device"],
            "upstream_sha256": record["upstream_sha256"],
            "manifests": record["manifests"],
            **depth(run.upstream),
        },
    }


def score(task: Task, stats: dict[str, float]) -> float:
    """The task's metric, in percent, from a recipe's own stage metrics."""
    return 100.0 - stats["error_rate"] if task.higher_is_better else stats["WER"]


def depth(upstream: str) -> dict[str, Any]:
    """Where a cut upstream's depth comes from; nothing for a whole one."""
    try:
        config = resolve(upstream)
    except UnknownUpstreamError:
        return {}
    return {"depth": {"base": title(config.base), "task": config.task, **config.provenance}}


def title(upstream: str) -> str:
    """What tables call a fine-tuned upstream, so that it never shares a row with the frozen one.

    >>> title("hubert")
    'hubert (fine-tuned)'
    """
    return f"{upstream} (fine-tuned)"
