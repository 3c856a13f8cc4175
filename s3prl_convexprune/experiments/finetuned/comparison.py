"""Upstreams fine-tuned by one recipe with everything else equal: which runs, with which settings and commands.

Runs of one seed follow each other upstream by upstream, so that a machine that gets slower slows all of them.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...atomic import check_place
from ...devices import choose_device
from ...errors import ConfigError
from ...fingerprint import settings_sha256
from ...numbers import SEED
from ...tasks.recipes import finetuning_recipe
from ...tasks.table import get_task
from ...upstreams.checks import check as check_request


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
        task: a key of `TASKS`.
        data_folder: the corpus.
        output: the comparison's folder.
        seeds: training seeds.
        folds: for a task with folds, which of them; all when empty.
        variant: another of the hyperparameter files that ship with the task's recipe, by its name without ending
            (``v1_12`` of ks, ``speech_commands`` of sid); None takes the task's own.
        hparams: a hyperparameter file of one's own in its place.
        overrides: hyperparameters to change, ``{"number_of_epochs": "5"}``.
        ckpt: checkpoint, for upstreams that take one.
        device: torch device; None takes the GPU if there is one.
        precision: ``fp32``, ``bf16`` or ``fp16``.
    """

    upstreams: tuple[str, ...]
    task: str
    data_folder: Path
    output: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    folds: tuple[str, ...] = ()
    variant: str | None = None
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
            raise ConfigError(f"{task.title} has no {min(unknown)!r}; its folds: {', '.join(task.folds) or 'none'}")
        folds = self.folds or task.folds or (None,)
        return [
            Run(upstream, seed, fold)
            for seed in self.seeds
            for fold in folds
            for upstream in dict.fromkeys(self.upstreams)
        ]

    def recipe(self) -> tuple[Path, Path]:
        """The recipe's `train.py` and hyperparameter file."""
        train, hparams = finetuning_recipe(get_task(self.task), self.variant)
        return train, self.hparams or hparams

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
        fold_key = get_task(self.task).finetuning.fold
        manifests = self.output.resolve() / "manifests" / (run.fold or "")
        given = {
            "data_folder": self.data_folder.resolve(),
            "upstream": run.upstream,
            "seed": run.seed,
            "output_folder": (self.output / run.path).resolve(),
            "manifest_folder": manifests,
            "precision": self.precision,
            "device": choose_device(self.device),
            **({"upstream_ckpt": self.ckpt} if self.ckpt else {}),
            **({fold_key: run.fold.removeprefix("fold")} if fold_key and run.fold else {}),
            **self.overrides,
        }
        return [sys.executable, str(train), str(hparams), *(f"--{key}={value}" for key, value in given.items())]


def check(comparison: Comparison) -> None:
    """Refuse, before any run, what no run could do.

    Raises:
        ConfigError: no recipe for the task, or no such file.
        UnknownUpstreamError: a name that the hub does not have; the message names the nearest.
    """
    if comparison.variant is not None and comparison.hparams is not None:
        raise ConfigError("give one of a variant and a hyperparameter file")
    for what, path in (("--data-folder", comparison.data_folder), ("hyperparameter file", comparison.recipe()[1])):
        if not path.exists():
            raise ConfigError(f"{what} {path} does not exist")
    if not comparison.runs():
        raise ConfigError("nothing to compare: give at least one seed")
    SEED.check_all("--seeds", comparison.seeds)
    check_place(comparison.output, folder=True)
    check_request(comparison.upstreams, ckpt=comparison.ckpt, device=comparison.device)
