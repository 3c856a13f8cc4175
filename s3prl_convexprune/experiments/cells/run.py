"""Run the cells of a plan, here or on a cluster, and collect what is finished into `results.json`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...atomic import check_place
from ...errors import ArtifactError, ConvexPruneError
from ...outputs import check_output
from ...results.cell import Cell
from ...results.reading import FAILED, FINISHED, collect, read_cell, write_results
from ...results.result import Failure, Result, Results, Unfinished
from .claim import claim
from .cluster import run_there
from .plan import Plan
from .pool import run_here
from .workers import Workers

RESULTS = "results.json"
ONE = Workers()


@dataclass
class GridReport:
    """What one invocation did with the cells of a plan.

    Attributes:
        results: path of the results file.
        rows: results of the finished cells, in this or an earlier invocation, in the plan's order, each with its
            folder as seen from the results file.
        failed: cell title -> reason and the last lines of its log.
        open: titles of cells that are neither: held by other workers, or of another shard.
    """

    results: Path
    rows: list[Result] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """How many cells have a number."""
        return len(self.rows)

    def raise_failed(self) -> None:
        """For callers who need every cell.

        Raises:
            ConvexPruneError: a cell failed; the others went on, and the same command tries it again.
        """
        for title, failure in self.failed.items():
            more = f", and {len(self.failed) - 1} more cells" if len(self.failed) > 1 else ""
            raise ConvexPruneError(f"{title} failed: {failure.reason}; its log is {failure.log}{more}")


def run_cells(plan: Plan, workers: Workers = ONE, *, progress: bool = True) -> GridReport:
    """Run every cell of the workers' share of a plan that is not finished, and write ``<expdir>/results.json``.

    Args:
        plan: the cells.
        workers: who runs them.
        progress: show a progress bar.

    Raises:
        ConfigError: the launcher cannot be used as asked.
        ArtifactError: a cell's folder was made with other settings, or the results cannot be read or written.
    """
    plan = workers.share_of(plan)
    check_place(plan.expdir, folder=True)
    check_output(plan.expdir / RESULTS, Results.FORMAT, Results.VERSION)
    plan.expdir.mkdir(parents=True, exist_ok=True)
    for cell in plan.cells:
        if (plan.folder(cell) / plan.SPEC).exists():
            claim(plan.folder(cell), plan.spec(cell), plan.SPEC)
    if not all(finished(plan, cell) for cell in plan.cells):
        jobs = min(workers.jobs, len(plan.groups()))
        if workers.elsewhere:
            run_there(plan, jobs, workers.launcher, dict(workers.launcher_options or {}))
        else:
            run_here(plan, jobs, progress)
    return summarise(plan)


def summarise(plan: Plan) -> GridReport:
    """Collect what is finished in the plan's folder, write the results file, and say what is not finished."""
    report = GridReport(plan.expdir / RESULTS)
    unfinished = []
    for cell in plan.cells:
        folder = plan.folder(cell)
        if finished(plan, cell):
            for leftover in (*folder.glob("resume-*"), *folder.glob(".*")):  # of a kill right after the end
                leftover.unlink(missing_ok=True)
        elif (folder / FAILED).exists():
            failure = Failure.read(folder / FAILED)
            report.failed[cell.title] = failure
            unfinished.append(Unfinished(cell.path.as_posix(), "failed", failure.reason))
        else:
            report.open.append(cell.title)
            unfinished.append(Unfinished(cell.path.as_posix(), "open", "not run to its end yet"))
    results = {
        Path(result.folder): replace(result, folder=Path(result.folder).relative_to(plan.expdir).as_posix())
        for result in (collect([plan.expdir]) if any(plan.expdir.rglob(FINISHED)) else [])
    }
    report.rows = [results[folder] for cell in plan.cells if (folder := plan.folder(cell)) in results]
    write_results(report.results, [*results.values()], unfinished)
    return report


def finished(plan: Plan, cell: Cell) -> bool:
    """Whether a cell has its number."""
    return (plan.folder(cell) / FINISHED).exists()


def finished_rows(plan: Plan) -> list[Result]:
    """The results of all cells of a plan, with folders that can be opened from here; trains nothing.

    Raises:
        ArtifactError: a cell is not finished, or is damaged.
    """
    for cell in plan.cells:
        if not finished(plan, cell):
            raise ArtifactError(f"{plan.folder(cell)}: is not finished; run the study's cells first")
    return [replace(read_cell(folder), folder=str(folder)) for folder in map(plan.folder, plan.cells)]


def dry_run(plan: Plan) -> str:
    """Every cell and the exact commands that make it, ready for a shell."""
    lines = []
    for cell in plan.cells:
        lines.append(f"# {cell.title} ({'finished' if finished(plan, cell) else 'to run'})")
        lines += map(shlex.join, plan.commands(cell))
    return "\n".join([f"# {len(plan.cells)} cells, {len(plan.groups())} groups that share a pass", *lines])
