"""Cells run frozen: a study's evaluations as grids of s3prl's own experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConvexPruneError
from ...tasks.recipes import stated_paths
from ...tasks.table import get_task
from ..study import Evaluation, Study

if TYPE_CHECKING:
    from .plan import Plan


def grid(study: Study, upstreams: Mapping[str, Sequence[str]], output: Path, device: str) -> Plan | None:
    """The frozen evaluations as one grid, so that its workers are never idle between tasks; None without any.

    Args:
        study: the study.
        upstreams: title of an evaluation -> names on the hub.
        output: the study's folder.
        device: torch device of every cell.

    Raises:
        ConfigError: an evaluation's overrides or folds cannot be.
    """
    plans = [
        _plan(evaluation, upstreams[evaluation.title], output, device)
        for evaluation in study.evaluate
        if evaluation.how == "frozen"
    ]
    if not plans:
        return None
    return replace(
        plans[0],
        cells=tuple(cell for plan in plans for cell in plan.cells),
        recipes={name: path for plan in plans for name, path in plan.recipes.items()},
        overrides={name: given for plan in plans for name, given in plan.overrides.items()},
    )


def experiments_dir(output: Path) -> Path:
    """Where a study's frozen cells lie."""
    return output / "experiments"


def _plan(evaluation: Evaluation, upstreams: Sequence[str], output: Path, device: str) -> Plan:
    from .planning import make_plan

    settings = dict(evaluation.overrides)
    if evaluation.data == "demo":
        from ...corpora.demo import lay_out

        laid_out = lay_out(output / "corpus" / evaluation.task, evaluation.task)
        settings = stated_paths(get_task(evaluation.task).downstream.name, laid_out.variables) | settings
    return make_plan(
        upstreams,
        [evaluation.task],
        experiments_dir(output),
        lrs=evaluation.lrs,
        seeds=evaluation.seeds,
        folds=evaluation.folds,
        overrides={evaluation.task: [f"{key}={value!r}" for key, value in settings.items()]},
        device=device,
    )


def run_grid(plan: Plan, *, jobs: int, launcher: str, launcher_options: Mapping[str, object]) -> None:
    """Run every cell of a grid that is not finished.

    Raises:
        ConvexPruneError: a cell failed; the others went on, and the same command tries it again.
    """
    from .grid import run_cells

    report = run_cells(plan, jobs=jobs, launcher=launcher, launcher_options=launcher_options)
    for title, failure in report.failed.items():
        more = f", and {len(report.failed) - 1} more cells" if len(report.failed) > 1 else ""
        raise ConvexPruneError(f"{title} failed: {failure.reason}; its log is {failure.log}{more}")
