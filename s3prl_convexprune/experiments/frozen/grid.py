"""Run a grid: local worker processes or a cluster's, a progress bar, and `results.json` at the end."""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...atomic import check_place
from ...errors import ConfigError
from ...numbers import AT_LEAST_ONE
from ...outputs import check_output
from ...progress import progress_bar
from ...results.cell import Precision
from ...results.reading import FAILED, FINISHED, collect, write_results
from ...results.result import Failure, Results, Unfinished
from .plan import Plan
from .planning import DEFAULT_SEED, check_plan, make_plan
from .worker import note_failure, quiet_environment, run_plan

RESULTS = "results.json"


@dataclass
class GridReport:
    """What one invocation did.

    Attributes:
        results: path of the results file.
        finished: cells with a number, in this or an earlier invocation.
        failed: cell title -> reason and the last lines of its log.
        open: titles of cells that are neither: held by other workers, or of another shard.
    """

    results: Path
    finished: int = 0
    failed: dict[str, Failure] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)


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
        jobs: worker processes (local) or cluster jobs.
        shard: ``(i, n)``: every n-th group of cells only, from the i-th on.
        launcher: ``"processes"`` on this machine, ``"slurm"``, or ``"local"`` (submitit's own local executor).
        launcher_options: submitit parameters, such as ``{"slurm_partition": "gpu", "timeout_min": 600}``.
        progress: show a progress bar.

    Raises:
        ConfigError, UnknownUpstreamError: the grid cannot be made as asked.
        ArtifactError: the results cannot be read or written; see `results`.
    """
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
    ).shard(*shard)
    AT_LEAST_ONE.check("--jobs", jobs)
    check_plan(plan, elsewhere=launcher != "processes")
    return run_cells(plan, jobs=jobs, launcher=launcher, launcher_options=launcher_options, progress=progress)


def run_cells(
    plan: Plan,
    *,
    jobs: int = 1,
    launcher: str = "processes",
    launcher_options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> GridReport:
    """`run` for a plan that is made already."""
    AT_LEAST_ONE.check("--jobs", jobs)
    check_place(plan.expdir, folder=True)
    check_output(plan.expdir / RESULTS, Results.FORMAT, Results.VERSION)
    plan.expdir.mkdir(parents=True, exist_ok=True)
    if not all((plan.folder(cell) / FINISHED).exists() for cell in plan.cells):
        if launcher == "processes":
            _run_processes(plan, min(jobs, len(plan.groups())), progress)
        else:
            _run_submitit(plan, min(jobs, len(plan.groups())), launcher, dict(launcher_options or {}))
    return summarise(plan)


def summarise(plan: Plan) -> GridReport:
    """Collect what is finished in the grid's folder, write the results file, and say what is not finished."""
    report = GridReport(plan.expdir / RESULTS)
    unfinished = []
    for cell in plan.cells:
        folder = plan.folder(cell)
        if (folder / FINISHED).exists():
            for leftover in (*folder.glob("resume-*"), *folder.glob(".*")):  # of a kill right after the end
                leftover.unlink(missing_ok=True)
            report.finished += 1
        elif (folder / FAILED).exists():
            failure = Failure.read(folder / FAILED)
            report.failed[cell.title] = failure
            unfinished.append(Unfinished(cell.path.as_posix(), "failed", failure.reason))
        else:
            report.open.append(cell.title)
            unfinished.append(Unfinished(cell.path.as_posix(), "open", "not run to its end yet"))
    results = [
        replace(result, folder=Path(result.folder).relative_to(plan.expdir).as_posix())
        for result in collect([plan.expdir])
    ]
    write_results(report.results, results, unfinished)
    return report


def dry_run(plan: Plan) -> str:
    """Every cell and the exact commands that make it, ready for a shell."""
    lines = []
    for cell in plan.cells:
        state = "finished" if (plan.folder(cell) / FINISHED).exists() else "to run"
        lines.append(f"# {cell.title} ({state})")
        for arguments in (plan.train_arguments(cell), plan.evaluate_arguments(cell)):
            lines.append(shlex.join(["run_downstream.py", *arguments]))
    return "\n".join([f"# {len(plan.cells)} cells, {len(plan.groups())} groups that share a pass", *lines])


def _run_processes(plan: Plan, jobs: int, progress: bool) -> None:
    """Keep `jobs` workers alive until the plan has no cell for them; a killed worker costs its cell, not the grid.

    A worker that dies with several cells in hand, which may be more than memory holds, is followed by one that takes
    half as many at once; they go on from their checkpoints.
    """
    events: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    workers: dict[int, subprocess.Popen[str]] = {}
    in_hand: dict[int, set[int]] = {}
    started = 0

    def start(together: int | None = plan.together) -> None:
        nonlocal started
        number = started
        started += 1
        in_hand[number] = set()
        first = number % jobs * len(plan.cells) // jobs
        worker = subprocess.Popen(
            [sys.executable, "-m", __package__ + ".worker", str(first), str(jobs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=quiet_environment(jobs),
        )
        workers[number] = worker
        text = replace(plan, together=together).to_json()
        threading.Thread(target=_listen, args=(number, worker, text, events), daemon=True).start()

    finished = sum((plan.folder(cell) / FINISHED).exists() for cell in plan.cells)
    bar = progress_bar(total=len(plan.cells), initial=finished, desc="cells", unit="cell", show=progress)
    try:
        for _ in range(jobs):
            start()
        while workers:
            number, event = events.get()
            if event is None:
                code = workers.pop(number).wait()
                left = in_hand.pop(number)
                if code and len(left) > 1:
                    bar.write(f"{_death(code)}; its {len(left)} cells go on, half as many at once")
                    start(len(left) // 2)
                elif code and left:
                    cell = plan.cells[left.pop()]
                    bar.update(1)
                    _say(bar, cell.title, note_failure(plan, cell, _death(code)))
                    start()
                elif code:
                    raise ConfigError(f"a worker ended with status {code} before it took a cell; its message is above")
            elif event["event"] == "start":
                in_hand[number].add(event["cell"])
            elif event["event"] in ("done", "failed"):
                in_hand[number].discard(event["cell"])
                bar.update(1)
                if event["event"] == "failed":
                    cell = plan.cells[event["cell"]]
                    said = (event[field.name] for field in fields(Failure))
                    _say(bar, cell.title, Failure(*said))
    finally:
        bar.close()
        for worker in workers.values():
            worker.terminate()


def _listen(number: int, worker: subprocess.Popen[str], plan: str, events: queue.Queue) -> None:
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(plan + "\n")
        worker.stdin.flush()
        for line in worker.stdout:
            events.put((number, json.loads(line)))
    except (BrokenPipeError, ValueError):
        pass  # the worker is dead; its exit status says how
    events.put((number, None))


def _death(code: int) -> str:
    if code == -9:
        return "its worker was killed (signal 9); often the machine was out of memory"
    return f"its worker died (status {code})"


def _say(bar: tqdm, title: str, failure: Failure) -> None:
    lines = "".join(f"\n    {line}" for line in failure.last_lines)
    bar.write(f"failed: {title}: {failure.reason}\n  log: {failure.log}{lines}")


def _run_submitit(plan: Plan, jobs: int, cluster: str, options: dict[str, Any]) -> None:
    """Submit `jobs` workers, each of which goes through the whole plan; locks keep them apart."""
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("--launcher slurm needs submitit: pip install 's3prl-convexprune[slurm]'") from error
    executor = submitit.AutoExecutor(folder=plan.expdir / "submitit", cluster=cluster)
    executor.update_parameters(name="convexprune", **options)
    text = plan.to_json()
    with executor.batch():
        submitted = [executor.submit(run_plan, text, index * len(plan.cells) // jobs) for index in range(jobs)]
    for job in progress_bar(submitted, desc="jobs", unit="job"):
        job.wait()
        if job.exception() is not None:
            print(f"job {job.job_id} failed: {job.exception()}", file=sys.stderr)
