"""A worker: goes through the cells of a plan, takes each that nobody has, and runs it to its end.

`pool` starts it as ``python -m`` of this module and writes the plan on its stdin, one line. It says on stdout what
happens, one JSON object a line; everything a cell prints goes to the cell's own `run.log`. When its stdin ends it ends
too, so no worker outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ... import program
from ...compat.quiet import hush
from ...errors import ArtifactError
from ...locks import FolderLock, owner_of
from ...results.cell import Cell
from ...results.reading import FAILED, FINISHED, LOG
from ...results.result import Failure
from .claim import LOCK
from .failures import note_failure, reason_of
from .plan import Group, Plan, RunCell
from .run_log import output_into

Report = Callable[[dict[str, Any]], None]


def work(plan: Plan, report: Report, run_cell: RunCell, first: int = 0, workers: int = 1) -> None:
    """Run every cell that is not finished, not failed in this attempt and not held by another worker.

    Cells of a group run together.

    Args:
        plan: the cells.
        report: told about every cell: ``{"cell": index, "event": "start" | "done" | "failed" | "held", ...}``.
        run_cell: runs one cell, its lock held; in a group it is given the group's member too.
        first: index of the cell to begin with; workers that begin apart rarely meet.
        workers: how many workers share this machine's memory.
    """
    groups = plan.groups()
    begin = next((number for number, group in enumerate(groups) if first in group), 0)
    for group in groups[begin:] + groups[:begin]:
        with ExitStack() as locks:
            held = [index for index in group if _take(plan, index, report, locks)]
            if len(held) > 1:
                _run_group(plan, held, report, run_cell, workers)
            for index in held if len(held) == 1 else ():
                _run_alone(plan, index, report, run_cell)


def _take(plan: Plan, index: int, report: Report, locks: ExitStack) -> bool:
    """Lock a cell that is still to be run."""
    folder = plan.folder(plan.cells[index])
    folder.mkdir(parents=True, exist_ok=True)
    if _settled(plan, folder):
        return False
    lock = locks.enter_context(FolderLock(folder / LOCK))
    if not lock.held:
        report({"cell": index, "event": "held", "by": owner_of(folder / LOCK)})
    return lock.held and not _settled(plan, folder)


def _run_alone(plan: Plan, index: int, report: Report, run_cell: RunCell) -> None:
    cell = plan.cells[index]
    report({"cell": index, "event": "start"})
    started = time.monotonic()
    failure: BaseException | None = None
    try:
        with output_into(plan.folder(cell) / LOG):
            run_cell(plan, cell)
    except KeyboardInterrupt:
        raise
    # SystemExit from s3prl's code is a failed cell, not the end of the worker
    except BaseException as error:
        failure = error
    _report_end(plan, index, failure, time.monotonic() - started, report)


def _run_group(plan: Plan, group: list[int], report: Report, run_cell: RunCell, workers: int) -> None:
    index_of = {plan.cells[index]: index for index in group}
    started: dict[Cell, float] = {}

    def start(cell: Cell) -> None:
        started[cell] = time.monotonic()
        report({"cell": index_of[cell], "event": "start"})

    def end(cell: Cell, error: BaseException | None) -> None:
        _report_end(plan, index_of[cell], error, time.monotonic() - started[cell], report)

    plan.run_group(Group(list(index_of), run_cell, start, end, workers))


def _report_end(plan: Plan, index: int, error: BaseException | None, seconds: float, report: Report) -> None:
    cell = plan.cells[index]
    if error is not None:
        failure = note_failure(plan, cell, reason_of(error))
        report({"cell": index, "event": "failed", **asdict(failure)})
        return
    (plan.folder(cell) / FAILED).unlink(missing_ok=True)
    report({"cell": index, "event": "done", "seconds": seconds})


def _settled(plan: Plan, folder: Path) -> bool:
    if (folder / FINISHED).exists():
        return True
    try:
        return Failure.read(folder / FAILED).attempt == plan.attempt
    except ArtifactError:
        return False


def quiet_environment(jobs: int) -> dict[str, str]:
    """Environment of a worker: its share of the cores, bars that do not fill the logs, no heap a thread."""
    threads = str(max(1, (os.cpu_count() or 1) // max(1, jobs)))
    few = {"OMP_NUM_THREADS": threads, "TQDM_MININTERVAL": "30", "MALLOC_ARENA_MAX": "2"}
    return {**few, **os.environ}


def send(plan: Plan) -> str:
    """A plan as one line that `receive` reads, in another process or on another machine."""
    return f"{type(plan).__name__} {plan.to_json()}"


def receive(line: str) -> Plan:
    """The plan that `send` wrote."""
    from ..finetuned.comparison import Comparison
    from ..frozen.grid import Grid

    name, _, text = line.partition(" ")
    kinds: dict[str, type[Plan]] = {kind.__name__: kind for kind in (Grid, Comparison)}
    return kinds[name].from_json(text)


def run_sent(line: str, first: int = 0) -> list[dict[str, Any]]:
    """A worker as a function, for launchers that ship functions: returns all its reports."""
    plan = receive(line)
    events: list[dict[str, Any]] = []
    work(plan, events.append, type(plan).run_cell, first)
    return events


def main() -> int:
    """The process that `pool` starts: plan on stdin, reports on stdout."""
    hush()
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    first, workers = (int(number) for number in sys.argv[1:]) if len(sys.argv) > 2 else (0, 1)
    plan = receive(sys.stdin.readline())
    program.end_with_stdin()

    def body() -> int:
        try:
            work(
                plan,
                lambda event: print(json.dumps(event), file=reports, flush=True),
                type(plan).run_cell,
                first,
                workers,
            )
        except KeyboardInterrupt:  # the process that started this one says so
            return program.INTERRUPTED
        return 0

    return program.run(body)


if __name__ == "__main__":
    sys.exit(main())
