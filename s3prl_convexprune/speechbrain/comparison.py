"""Upstreams fine-tuned by one recipe with everything else equal: the runs, from nothing or from where they were killed.

Every run is a process of its own, so that its memory is its own; runs of one seed follow each other upstream
by upstream, so that a machine that gets slower slows all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..atomic import write_json
from ..errors import ArtifactError, ConfigError, ConvexPruneError, UnknownUpstreamError
from ..fingerprint import settings_sha256
from ..registry import load_hub, resolve
from ..resources import PACKAGE, downstream_recipes_dir
from ..superb.predictions import read_predictions
from ..superb.results import RESULTS_VERSION, read_json
from ..superb.tasks import Task, get_task

HPARAMS = {
    "asr": "ASR/hparams/librispeech_100.yaml",
    "sid": "SID/hparams/voxceleb1.yaml",
    "ks": "KS/hparams/v2_35.yaml",
    "er": "ER/hparams/iemocap.yaml",
}
FOLDS = {"er": "test_session"}
SETTINGS, RECORD, LOG = "settings.json", "record.json", "run.log"
PROTOCOL = "finetuned"
COSTS = ("inference_seconds", "test_audio_seconds", "peak_memory", "device", "head_parameters")


@dataclass(frozen=True)
class Run:
    """One training: an upstream, a seed, and for a task with folds one of them."""

    upstream: str
    seed: int
    fold: str | None = None

    @property
    def path(self) -> Path:
        """The run's folder below the comparison's.

        >>> Run("hubert_convexpruned_L6", 1, "fold2").path.as_posix()
        'hubert_convexpruned_L6/seed1/fold2'
        """
        return Path(self.upstream, f"seed{self.seed}", *((self.fold,) if self.fold else ()))


@dataclass(frozen=True)
class Comparison:
    """What is compared, and what is equal for all.

    Attributes:
        upstreams: names on s3prl's hub; the first is what the others are compared with.
        task: a key of `HPARAMS`.
        data_folder: the corpus.
        output: the comparison's folder.
        seeds: training seeds.
        folds: for a task with folds, which of them; all when empty.
        hparams: another hyperparameter file of the task's recipe; None takes the one of `HPARAMS`.
        overrides: hyperparameters to change, ``{"number_of_epochs": "5"}``.
        ckpt: checkpoint, for upstreams that take one.
        device: torch device; None leaves it to SpeechBrain.
        precision: ``fp32``, ``bf16`` or ``fp16``.
    """

    upstreams: tuple[str, ...]
    task: str
    data_folder: Path
    output: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    folds: tuple[str, ...] = ()
    hparams: Path | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    ckpt: str | None = None
    device: str | None = None
    precision: str = "fp32"

    def runs(self) -> list[Run]:
        """Every run, upstreams next to each other.

        Raises:
            ConfigError: a fold that the task does not have.
        """
        task = get_task(self.task)
        if unknown := set(self.folds) - set(task.folds):
            raise ConfigError(
                f"{task.title} has no {min(unknown)!r}; its folds: {', '.join(task.folds) or 'none'}"
            )
        folds = self.folds or task.folds or (None,)
        return [
            Run(upstream, seed, fold)
            for seed in self.seeds
            for fold in folds
            for upstream in dict.fromkeys(self.upstreams)
        ]

    def recipe(self) -> tuple[Path, Path]:
        """The recipe's `train.py` and hyperparameter file."""
        shipped = downstream_recipes_dir() / "speechbrain" / HPARAMS[self.task]
        return shipped.parents[1] / "train.py", self.hparams or shipped

    def settings(self, run: Run) -> dict[str, Any]:
        """Everything that decides a run's numbers."""
        hparams = self.recipe()[1]
        return {
            **asdict(run),
            "task": self.task,
            "data_folder": str(self.data_folder.resolve()),
            "hparams": hparams.name,
            "hparams_sha256": settings_sha256(hparams.read_text(encoding="utf-8")),
            "overrides": self.overrides,
            "ckpt": self.ckpt,
            "precision": self.precision,
        }

    def command(self, run: Run) -> list[str]:
        """The recipe's command line for a run."""
        train, hparams = self.recipe()
        manifests = self.output.resolve() / "manifests" / (run.fold or "")
        given = {
            "data_folder": self.data_folder.resolve(),
            "upstream": run.upstream,
            "seed": run.seed,
            "output_folder": (self.output / run.path).resolve(),
            "manifest_folder": manifests,
            "precision": self.precision,
            **({"device": self.device} if self.device else {}),
            **({"upstream_ckpt": self.ckpt} if self.ckpt else {}),
            **({FOLDS[self.task]: run.fold.removeprefix("fold")} if run.fold else {}),
            **self.overrides,
        }
        return [
            sys.executable,
            str(train),
            str(hparams),
            *(f"--{key}={value}" for key, value in given.items()),
        ]


def check(comparison: Comparison) -> None:
    """Refuse, before any run, what no run could do.

    Raises:
        ConfigError: no recipe for the task, or no such file.
        UnknownUpstreamError: a name that the hub does not have; the message names the nearest.
    """
    if comparison.task not in HPARAMS:
        raise ConfigError(f"no SpeechBrain recipe for {comparison.task!r}; there are {', '.join(HPARAMS)}")
    for what, path in (
        ("data_folder", comparison.data_folder),
        ("hyperparameter file", comparison.recipe()[1]),
    ):
        if not path.exists():
            raise ConfigError(f"{what} {path} does not exist")
    if not comparison.runs():
        raise ConfigError("nothing to compare: --seeds must be at least 1")
    hub = load_hub()
    for upstream in comparison.upstreams:
        getattr(hub, upstream)


def run_all(comparison: Comparison) -> list[dict[str, Any]]:
    """Train and test what is not finished; the rows of all runs, in the form of `superb.results`.

    Raises:
        ConvexPruneError: a run ended in an error, which is repeated here; finished runs are kept.
    """
    check(comparison)
    rows = []
    for run in tqdm(comparison.runs(), desc=f"finetune {comparison.task}", unit="run"):
        folder = comparison.output / run.path
        claim(folder, comparison.settings(run))
        if not (folder / RECORD).exists():
            execute(comparison.command(run), folder)
        rows.append(row(comparison, run))
    return rows


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
