"""One cell of a grid, from an empty folder or from where a killed worker left it, to a finished number."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ArtifactError
from ...results.cell import Cell
from ...results.outcome import read_checkpoint, read_outcome
from ...results.provenance import Provenance, depth_of, identity
from ...results.reading import FAILED, FINISHED, LOG, SPEC
from ...results.result import Reduced, Result
from ...tasks.table import get_task
from ...versions import S3PRL_PROGRAM
from ..cells.claim import LOCK, claim

if TYPE_CHECKING:
    from .grid import Grid
    from .together.lockstep import Member

KEPT_ON_RESTART = {SPEC, FAILED, LOG, LOCK}


def run_cell(grid: Grid, cell: Cell, member: Member | None = None) -> None:
    """Train a cell, evaluate its dev-chosen checkpoint on the test set, and write `finished.json`.

    The caller holds the cell's lock. What is there already is used: training goes on from the last checkpoint that can
    be resumed exactly, and starts over where there is none. As a `member` of a group it shares the group's passes.

    Raises:
        ArtifactError: the folder belongs to a cell with other settings, or no checkpoint was ever chosen on dev.
        ConvexPruneError: bad input, as `run_downstream.py` explains it.
    """
    from .session import run

    folder = grid.folder(cell)
    task = get_task(cell.task)
    grid.check_unchanged(cell)
    claim(folder, grid.spec(cell))
    resumable = prepare_folder(folder)
    training = grid.train_arguments(cell) if resumable is None else grid.resume_arguments(cell, resumable)
    runner = run(training, member, grid.precision)
    _require_chosen_checkpoint(folder, task.best_checkpoint, task.dev_split, runner.config)
    reduced = None
    if grid.precision:  # its checkpoint's score in full precision first: the last evaluation's files stay
        run(grid.evaluate_arguments(cell), member)
        full = read_outcome(folder, task, cell.fold).test
        reduced = Reduced(grid.precision, full, tuple(runner.upstream.model.difference))
    run(grid.evaluate_arguments(cell), member, grid.precision)
    outcome = read_outcome(folder, task, cell.fold)
    assert cell.lr is not None
    result = Result(
        how="frozen",
        **dataclasses.asdict(cell),
        metric=task.metric,
        **vars(outcome),
        layers=depth_of_featurizer(runner.featurizer.model),
        params=identity(runner.upstream.model)[0],
        provenance=provenance(grid, cell, runner),
        reduced=reduced,
    )
    result.write(folder / FINISHED)
    for leftover in folder.glob("resume-*"):
        leftover.unlink()


def prepare_folder(folder: Path) -> Path | None:
    """Clear what a killed run half wrote.

    Returns:
        The checkpoint to go on from, or None after everything of the earlier run was removed.
    """
    from .session import resume_steps

    for step in sorted(resume_steps(folder), reverse=True):
        checkpoint = folder / f"resume-{step}.ckpt"
        try:
            read_checkpoint(checkpoint)
        except ArtifactError:
            continue
        for leftover in folder.glob("states-*.ckpt"):
            leftover.unlink()
        return checkpoint
    for leftover in folder.iterdir():
        if leftover.name not in KEPT_ON_RESTART:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    return None


def _require_chosen_checkpoint(folder: Path, name: str, dev: str, config: dict[str, Any]) -> None:
    if (folder / name).exists():
        return
    steps, every = config["runner"]["total_steps"], config["runner"]["eval_step"]
    if every > steps:
        raise ArtifactError(f"{folder}: {dev} was never evaluated: eval_step {every} is above total_steps {steps}")
    raise ArtifactError(
        f"{folder}: no checkpoint ever beat the score s3prl starts from on {dev} (accuracy 0, or 100 % WER); "
        "the learning rate is probably too high"
    )


def depth_of_featurizer(featurizer: Any) -> int:
    """Hidden states less one; s3prl's featurizer counts its states only when there are several to weigh."""
    return int(getattr(featurizer, "layer_num", 1)) - 1


def provenance(grid: Grid, cell: Cell, runner: Any) -> Provenance:
    """What a cell's numbers were made with: settings, weights, software, and where the depth came from."""
    from ...versions import package_versions

    spec = grid.spec(cell)
    return Provenance(
        command=(S3PRL_PROGRAM, *grid.train_arguments(cell)),
        recipe=spec["recipe"],
        recipe_sha256=spec["recipe_sha256"],
        overrides=tuple(spec["overrides"]),
        ckpt=spec["ckpt"],
        device=grid.device_here,
        versions=package_versions(),
        upstream_sha256=identity(runner.upstream.model)[1],
        config=runner.config,
        depth=depth_of(cell.upstream),
    )
