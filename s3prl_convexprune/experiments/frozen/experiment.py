"""One cell of a grid, from an empty folder or from where a killed worker left it, to a finished number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...atomic import write_json
from ...errors import ArtifactError
from ...results.cell import Cell
from ...results.outcome import read_checkpoint, read_outcome
from ...results.provenance import Provenance, depth_of, identity
from ...results.reading import FAILED, FINISHED, LOG, SPEC
from ...results.result import Reduced, Result
from ...schema import read_json
from ...tasks.table import get_task
from .plan import Plan

if TYPE_CHECKING:
    from .together.lockstep import Member

KEPT_ON_RESTART = {SPEC, FAILED, LOG, "lock"}


def run_cell(plan: Plan, cell: Cell, member: Member | None = None) -> None:
    """Train a cell, evaluate its dev-chosen checkpoint on the test set, and write `finished.json`.

    The caller holds the cell's lock. What is there already is used: training goes on from the last checkpoint that can
    be resumed exactly, and starts over where there is none. As a `member` of a group it shares the group's passes.

    Raises:
        ArtifactError: the folder belongs to a cell with other settings, or no checkpoint was ever chosen on dev.
        ConvexPruneError: bad input, as `run_downstream.py` explains it.
    """
    from .session import run

    folder = plan.folder(cell)
    task = get_task(cell.task)
    claim(folder, plan.spec(cell))
    resumable = prepare_folder(folder)
    training = plan.train_arguments(cell) if resumable is None else plan.resume_arguments(cell, resumable)
    runner = run(training, member, plan.precision)
    _require_chosen_checkpoint(folder, task.best_checkpoint, task.dev_split, runner.config)
    reduced = None
    if plan.precision:  # its checkpoint's score in full precision first: the last evaluation's files stay
        run(plan.evaluate_arguments(cell), member)
        full = read_outcome(folder, task, cell.fold).test
        reduced = Reduced(plan.precision, full, tuple(runner.upstream.model.difference))
    run(plan.evaluate_arguments(cell), member, plan.precision)
    outcome = read_outcome(folder, task, cell.fold)
    result = Result(
        how="frozen",
        upstream=cell.upstream,
        task=cell.task,
        fold=cell.fold,
        lr=cell.lr,
        seed=cell.seed,
        metric=task.metric,
        **vars(outcome),
        layers=depth_of_featurizer(runner.featurizer.model),
        params=identity(runner.upstream.model)[0],
        provenance=provenance(plan, cell, runner),
        reduced=reduced,
    )
    result.write(folder / FINISHED)
    for leftover in folder.glob("resume-*"):
        leftover.unlink()


def claim(folder: Path, spec: dict[str, Any]) -> None:
    """Write what a folder is for, or check that it is for the same.

    Raises:
        ArtifactError: it was made with other settings; the message names them.
    """
    path = folder / SPEC
    if not path.exists():
        foreign = sorted({entry.name for entry in folder.iterdir()} - KEPT_ON_RESTART)
        if foreign:
            raise ArtifactError(f"{folder}: holds {foreign[0]} but no {SPEC}: not made by a grid, so it is left alone")
        write_json(path, spec)
        return
    before = read_json(path)
    if before != json.loads(json.dumps(spec)):
        differ = sorted(key for key in {*before, *spec} if before.get(key) != spec.get(key))
        raise ArtifactError(f"{folder}: was made with another {', '.join(differ)}; use another experiment folder")


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


def provenance(plan: Plan, cell: Cell, runner: Any) -> Provenance:
    """What a cell's numbers were made with: settings, weights, software, and where the depth came from."""
    from ...versions import package_versions

    spec = plan.spec(cell)
    return Provenance(
        command=("run_downstream.py", *plan.train_arguments(cell)),
        recipe=spec["recipe"],
        recipe_sha256=spec["recipe_sha256"],
        overrides=tuple(spec["overrides"]),
        ckpt=spec["ckpt"],
        device=plan.device_here,
        versions=package_versions(),
        upstream_sha256=identity(runner.upstream.model)[1],
        config=runner.config,
        depth=depth_of(cell.upstream),
    )
