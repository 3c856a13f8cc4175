"""A comparison: upstreams fine-tuned by one SpeechBrain recipe, everything else equal.

Cells of one seed follow each other upstream by upstream, so that a machine that gets slower slows all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ...atomic import check_place
from ...devices import choose_device, device_name
from ...errors import ConfigError
from ...fingerprint import settings_sha256
from ...numbers import SEED
from ...results.cell import Cell
from ...results.reading import FINISHED, SETTINGS
from ...results.result import Result
from ...tasks.recipes import finetuning_recipe
from ...tasks.table import get_task
from ...upstreams.checks import check
from ..cells.plan import Plan

OWNED_BY_COMPARISON = {
    "upstream": "-u",
    "upstream_ckpt": "-k",
    "seed": "--seeds",
    "data_folder": "--data-folder",
    "output_folder": "-o",
    "manifest_folder": "-o",
    "precision": "--precision",
    "device": "--device",
}


@dataclass(frozen=True)
class Comparison(Plan):
    """Cells that a SpeechBrain recipe runs; what every `Plan` says, and:

    Attributes:
        task: a key of `TASKS`.
        data_folder: the corpus.
        recipe: the recipe's `train.py`.
        hparams: its hyperparameter file.
        overrides: hyperparameters to change, ``{"number_of_epochs": "5"}``.
        precision: ``fp32``, ``bf16`` or ``fp16``.
    """

    SPEC: ClassVar[str] = SETTINGS

    task: str
    data_folder: Path
    recipe: Path
    hparams: Path
    overrides: dict[str, str] = field(default_factory=dict)
    precision: str = "fp32"

    def spec(self, cell: Cell) -> dict[str, Any]:
        return {
            "upstream": cell.upstream,
            "cut": self.cuts[cell.upstream],
            "seed": cell.seed,
            "fold": cell.fold,
            "task": self.task,
            "data_folder": str(self.data_folder.resolve()),
            "hparams": self.hparams.name,
            "hparams_sha256": settings_sha256(self.hparams.read_text(encoding="utf-8")),
            "overrides": self.overrides,
            "ckpt": self.ckpt,
            "precision": self.precision,
        }

    def command(self, cell: Cell) -> list[str]:
        """The recipe's command line for a cell."""
        fold_key = get_task(self.task).finetuning.fold
        given = {
            "data_folder": self.data_folder.resolve(),
            "upstream": cell.upstream,
            "seed": cell.seed,
            "output_folder": self.folder(cell).resolve(),
            "manifest_folder": self.expdir.resolve() / "manifests" / (cell.fold or ""),
            "precision": self.precision,
            "device": self.device_here,
            **({"upstream_ckpt": self.ckpt} if self.ckpt else {}),
            **({fold_key: cell.fold.removeprefix("fold")} if fold_key and cell.fold else {}),
            **self.overrides,
        }
        return [sys.executable, str(self.recipe), str(self.hparams), *(f"--{key}={given[key]}" for key in given)]

    def commands(self, cell: Cell) -> list[list[str]]:
        return [self.command(cell)]

    def run_cell(self, cell: Cell, member: Any = None) -> None:
        from .experiment import run_cell

        run_cell(self, cell)


def make_comparison(
    upstreams: Sequence[str],
    task: str,
    output: str | Path,
    data_folder: str | Path,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    folds: Sequence[str] = (),
    variant: str | None = None,
    hparams: str | Path | None = None,
    overrides: Mapping[str, str] | None = None,
    ckpt: str | None = None,
    device: str | None = None,
    precision: str = "fp32",
) -> Comparison:
    """Expand a comparison into its cells.

    Args:
        upstreams: names on s3prl's hub; the first is what the others are compared with.
        task: a key of `TASKS`.
        output: the comparison's folder.
        data_folder: the corpus.
        seeds: training seeds.
        folds: for a task with folds, which of them; all when empty.
        variant: another of the hyperparameter files that ship with the task's recipe, by its name without ending
            (``v1_12`` of ks, ``speech_commands`` of sid); None takes the task's own.
        hparams: a hyperparameter file of one's own in its place.
        overrides: hyperparameters to change, for all.
        ckpt: checkpoint, for upstreams that take one.
        device: torch device; None takes the GPU if there is one.
        precision: ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        ConfigError: an unknown task, fold or variant, no seed, a file that is not there, or a hyperparameter that the
            comparison itself decides.
    """
    known = get_task(task)
    check_overrides(task, overrides or {})
    if variant is not None and hparams is not None:
        raise ConfigError("give one of a variant and a hyperparameter file")
    train, shipped = finetuning_recipe(known, variant)
    chosen = shipped if hparams is None else Path(hparams)
    for what, path in (("--data-folder", Path(data_folder)), ("hyperparameter file", chosen)):
        if not path.exists():
            raise ConfigError(f"{what} {path} does not exist")
    if unknown := set(folds) - set(known.folds):
        raise ConfigError(f"{known.title} has no {min(unknown)!r}; its folds: {', '.join(known.folds) or 'none'}")
    SEED.check_all("--seeds", seeds)
    cells = tuple(
        Cell(upstream, known.name, fold, None, int(seed))
        for seed in dict.fromkeys(seeds)
        for fold in tuple(dict.fromkeys(folds)) or known.folds or (None,)
        for upstream in dict.fromkeys(upstreams)
    )
    if not cells:
        raise ConfigError("nothing to compare: give at least one seed")
    return Comparison(
        Path(output),
        cells,
        known.name,
        Path(data_folder),
        train,
        chosen,
        dict(overrides or {}),
        precision,
        device=device,
        ckpt=ckpt,
    )


def check_overrides(task: str, overrides: Iterable[str]) -> None:
    """Refuse to change a hyperparameter that says which cell it is, or where that lies.

    Args:
        task: a key of `TASKS`.
        overrides: names of hyperparameters.

    Raises:
        ConfigError: one of them is of `OWNED_BY_COMPARISON`, or takes the task's fold.
    """
    fold = get_task(task).finetuning.fold
    owned = {**OWNED_BY_COMPARISON, **({fold: "--folds"} if fold else {})}
    for key in overrides:
        if key in owned:
            raise ConfigError(f"override {key!r}: the comparison itself decides {key}; use {owned[key]}")


def check_comparison(comparison: Comparison, *, elsewhere: bool = False) -> None:
    """Refuse, before any cell, what no cell could do, and to go on with a comparison on another device.

    Args:
        comparison: the comparison.
        elsewhere: its cells run on other machines, whose devices are not known here.

    Raises:
        UnknownUpstreamError: a name that the hub does not have; the message names the nearest.
        ConfigError: finished cells were made on another device, whose times and memory would share columns.
    """
    check_place(comparison.expdir, folder=True)
    upstreams = dict.fromkeys(cell.upstream for cell in comparison.cells)
    check(upstreams, ckpt=comparison.ckpt, device=comparison.device, elsewhere=elsewhere)
    if elsewhere:
        return
    paths = [comparison.folder(cell) / FINISHED for cell in comparison.cells]
    before = {Result.read(path).provenance.device for path in paths if path.exists()}
    here = device_name(choose_device(comparison.device))
    if before - {here} and not all(path.exists() for path in paths):
        raise ConfigError(
            f"{comparison.expdir}: finished cells were made on {', '.join(sorted(before))}, this would go on on "
            f"{here}; choose that device with --device, or take another output folder"
        )
