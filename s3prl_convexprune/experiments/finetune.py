"""`finetune`: upstreams fine-tuned by one SpeechBrain recipe, everything else equal, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..numbers import SCORE
from ..outputs import check_output, write_marked
from ..results.result import Result
from ..tasks.table import get_task
from .cells.run import GridReport, finished, finished_rows, run_cells
from .cells.workers import Workers
from .finetuned import table
from .finetuned.comparison import Comparison, check_comparison, make_comparison

TABLE = "table.md"


def finetune(
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
    target: float | None = None,
    ckpt: str | None = None,
    device: str | None = None,
    precision: str = "fp32",
    jobs: int = 1,
    shard: tuple[int, int] = (1, 1),
    launcher: str = "processes",
    launcher_options: Mapping[str, Any] | None = None,
) -> list[Result]:
    """Fine-tune upstreams by one SpeechBrain recipe, everything else equal; write `results.json` and `table.md`.

    Args:
        upstreams: names on s3prl's hub, whole or cut; the first is what the others are compared with.
        task: ``asr``, ``sid``, ``ks`` or ``er``.
        output: the comparison's folder; finished cells in it are kept.
        data_folder: the task's corpus.
        seeds: training seeds, a cell each.
        folds: of a task that has them; all when empty.
        variant: another hyperparameter file of the recipe, by name.
        hparams: another hyperparameter file, by path.
        overrides: hyperparameters to change, for all.
        target: dev score, in percent, for the time that training took to reach it.
        ckpt: checkpoint, for upstreams that need one.
        device: where to train; None takes the GPU if there is one.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        jobs, shard, launcher, launcher_options: see `cells.workers.Workers`. Cells that run beside each other on one
            machine disturb each other's times. The table is written by the last shard.

    Returns:
        One result a finished cell, in the order of seeds, folds and upstreams.

    Raises:
        ConvexPruneError: bad input of any kind; a cell that failed, after the others ran; see `errors`.
    """
    workers = Workers(jobs, shard, launcher, launcher_options)
    comparison = make_comparison(
        upstreams,
        task,
        output,
        data_folder,
        seeds=seeds,
        folds=folds,
        variant=variant,
        hparams=hparams,
        overrides=overrides,
        ckpt=ckpt,
        device=device,
        precision=precision,
    )
    report, _ = run_comparison(comparison, workers, target=target)
    report.raise_failed()
    return report.rows


def run_comparison(
    comparison: Comparison, workers: Workers, *, target: float | None = None
) -> tuple[GridReport, str | None]:
    """Run the cells of a comparison; once all of them are finished, also write `table.md`.

    Args:
        comparison: the comparison.
        workers: who runs its cells.
        target: see `finetune`.

    Returns:
        What became of the shard's cells; and the table, or None while a cell of the comparison is not finished.

    Raises:
        ConvexPruneError: see `comparison.check_comparison` and `cells.run.run_cells`.
    """
    if target is not None:
        SCORE.check("--target", target)
    check_output(comparison.expdir / TABLE, table.KIND)
    check_comparison(comparison, elsewhere=workers.elsewhere)
    report = run_cells(comparison, workers)
    if not all(finished(comparison, cell) for cell in comparison.cells):
        return report, None
    text = table.markdown(table.lines(finished_rows(comparison), target), get_task(comparison.task))
    write_marked(comparison.expdir / TABLE, table.KIND, text)
    return report, text
