"""`run`: a grid of frozen upstreams on SUPERB tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..results.cell import Precision
from .cells.run import GridReport, run_cells
from .cells.workers import Workers
from .frozen.planning import DEFAULT_SEED, check_plan, make_plan


def run(
    upstreams: Sequence[str],
    tasks: Sequence[str],
    output: str | Path,
    *,
    seeds: Sequence[int] = (DEFAULT_SEED,),
    lrs: Sequence[float] = (),
    folds: Sequence[str] = (),
    overrides: Mapping[str, str | Sequence[str]] | None = None,
    recipes: Mapping[str, str | Path] | None = None,
    device: str | None = None,
    ckpt: str | None = None,
    together: int | None = None,
    precision: Precision | None = None,
    jobs: int = 1,
    shard: tuple[int, int] = (1, 1),
    launcher: str = "processes",
    launcher_options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> GridReport:
    """Train and score every cell of a grid that is not finished, and write ``<output>/results.json``.

    Args:
        upstreams, tasks, output, seeds, lrs, folds, overrides, recipes, device, ckpt, together, precision: see
            `make_plan`.
        jobs, shard, launcher, launcher_options: see `cells.workers.Workers`.
        progress: show a progress bar.

    Raises:
        ConfigError, UnknownUpstreamError: the grid cannot be made as asked.
        ArtifactError: the results cannot be read or written; see `cells.run.run_cells`.
    """
    workers = Workers(jobs, shard, launcher, launcher_options)
    plan = make_plan(
        upstreams,
        tasks,
        output,
        lrs=lrs,
        seeds=seeds,
        folds=folds,
        overrides=overrides,
        recipes=recipes,
        device=device,
        ckpt=ckpt,
        together=together,
        precision=precision,
    )
    check_plan(workers.share_of(plan), elsewhere=workers.elsewhere)
    return run_cells(plan, workers, progress=progress)
