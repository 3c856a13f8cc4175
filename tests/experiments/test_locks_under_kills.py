"""Eight workers on two hundred cells, killed at random: every cell is run to its end exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.experiments.cells import pool
from s3prl_convexprune.experiments.cells.claim import LOCK
from s3prl_convexprune.experiments.cells.plan import Plan
from s3prl_convexprune.experiments.cells.worker import work
from s3prl_convexprune.experiments.finetuned.comparison import make_comparison
from s3prl_convexprune.experiments.frozen.grid import Grid
from s3prl_convexprune.locks import FolderLock, owner_of
from s3prl_convexprune.results.cell import Cell

CELLS, WORKERS, KILLS = 200, 8, 40

# A stub cell sleeps, writes the marker that ends it, and notes both in a ledger by atomic appends.
STUB = """
import json, os, random, sys, time
from s3prl_convexprune.experiments.frozen.grid import Grid
from s3prl_convexprune.results.reading import FINISHED
from s3prl_convexprune.experiments.cells.worker import work
from s3prl_convexprune.atomic import write_json

plan = Grid.from_json(sys.stdin.read())
ledger = os.open(plan.expdir / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def run_cell(plan, cell):
    folder = plan.folder(cell)
    os.write(ledger, f"start {cell.seed} {os.getpid()} {time.monotonic()}\\n".encode())
    time.sleep(random.random() * 0.05)
    write_json(folder / FINISHED, {"by": os.getpid()})
    os.write(ledger, f"end {cell.seed} {os.getpid()} {time.monotonic()}\\n".encode())

work(plan, lambda event: None, run_cell, first=int(sys.argv[1]))
"""

TAKE = """
from s3prl_convexprune.locks import FolderLock
lock = FolderLock({path!r})
print(lock.acquire(), flush=True)
"""


def start(plan: Grid, first: int) -> subprocess.Popen[str]:
    worker = subprocess.Popen([sys.executable, "-c", STUB, str(first)], stdin=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    worker.stdin.write(plan.to_json())
    worker.stdin.close()
    return worker


def test_no_cell_is_run_twice_to_completion_and_none_is_lost(tmp_path: Path) -> None:
    cells = tuple(Cell("stub", "ks", None, 1e-4, seed) for seed in range(CELLS))
    plan = Grid(tmp_path, cells, {"ks": "none"})
    generator = random.Random(0)
    workers = [start(plan, generator.randrange(CELLS)) for _ in range(WORKERS)]
    kills = 0
    deadline = time.monotonic() + 120
    while any(worker.poll() is None for worker in workers):
        assert time.monotonic() < deadline, "the workers do not come to an end"
        time.sleep(0.05)
        if kills < KILLS:
            victim = generator.randrange(WORKERS)
            if workers[victim].poll() is None:
                workers[victim].send_signal(signal.SIGKILL)
                workers[victim].wait()
                workers[victim] = start(plan, generator.randrange(CELLS))
                kills += 1
    start(plan, 0).wait()  # what a worker held when it was killed last is left for the next invocation

    assert all((plan.folder(cell) / "finished.json").exists() for cell in cells)
    open_by: dict[str, str] = {}
    ended: dict[str, int] = {}
    for line in (tmp_path / "ledger").read_text().splitlines():
        event, cell, process, _ = line.split()
        if event == "start":
            open_by[cell] = process  # an earlier holder was killed: the lock does not open for a living one
        else:
            assert open_by[cell] == process, "two workers were in one cell"
            ended[cell] = ended.get(cell, 0) + 1
    assert max(ended.values()) == 1, "a finished cell was run again"
    assert len(ended) > CELLS - kills and kills > 10


def test_a_lock_left_by_a_dead_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = TAKE.format(path=str(path)) + "import os; os.kill(os.getpid(), 9)"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert dead.stdout.strip() == "True" and dead.returncode == -9
    assert str(os.getpid()) not in owner_of(path) and "process" in owner_of(path)
    with FolderLock(path) as lock:
        assert lock.held and str(os.getpid()) in owner_of(path)
    assert owner_of(path) == "nobody"


def test_a_living_process_keeps_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = TAKE.format(path=str(path)) + "input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline().strip() == "True"
    lock = FolderLock(path)
    assert not lock.acquire() and str(holder.pid) in owner_of(path)
    holder.communicate("\n")
    assert lock.acquire()
    lock.release()


@pytest.mark.parametrize("kind", ["frozen", "fine-tuned"])
def test_two_calls_on_one_folder_never_run_the_same_cell(kind: str, tmp_path: Path) -> None:
    plans: dict[str, Plan] = {
        "frozen": Grid(tmp_path, tuple(Cell("stub", "ks", None, 1e-4, seed) for seed in range(2)), {"ks": "none"}),
        "fine-tuned": make_comparison(("stub",), "ks", tmp_path, tmp_path, seeds=(0, 1)),
    }
    plan = plans[kind]
    taken = plan.folder(plan.cells[0])
    taken.mkdir(parents=True)
    code = TAKE.format(path=str(taken / LOCK)) + "input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline().strip() == "True"
    events: list[dict[str, Any]] = []
    run: list[Cell] = []
    work(plan, events.append, lambda plan, cell: run.append(cell))
    other.communicate("\n")
    assert run == [plan.cells[1]]
    (held,) = [event for event in events if event["event"] == "held"]
    assert held["cell"] == 0 and str(other.pid) in held["by"]


def said(*cells: int) -> list[dict[str, Any]]:
    """What a worker says of the cells that it runs."""
    return [{"event": event, "cell": cell} for cell in cells for event in ("start", "done")]


DEATHS: dict[str, tuple[int, list[tuple[list[dict[str, Any]], int]], bool]] = {
    "in its imports, beside another": (2, [([], -9), (said(0, 1), 0)], True),
    "in its imports, after another": (2, [(said(0, 1), 0), ([], -9)], True),
    "between two cells": (1, [(said(0), -9), (said(1), 0)], True),
    "between two cells and in the next one's imports": (1, [(said(0), -9), ([], -9)], False),
    "all in their imports": (2, [([], 1), ([], 1)], False),
}


@pytest.mark.parametrize("case", DEATHS)
def test_a_worker_without_a_cell_costs_none(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are not ended in mid-cell; that nobody is left to go through the plan is an error."""
    jobs, lives, whole = DEATHS[case]
    left = iter(lives)

    def start_worker(module: str, line: str, hear: Any, *given: Any) -> Any:
        events, code = next(left)
        for event in [*events, None]:
            hear(event)
        return SimpleNamespace(wait=lambda: code, terminate=lambda: pytest.fail("a worker was ended"))

    monkeypatch.setattr(pool, "start_worker", start_worker)
    plan = Grid(tmp_path, tuple(Cell("stub", "ks", None, 1e-4, seed) for seed in range(2)), {"ks": "none"})
    with nullcontext() if whole else pytest.raises(ConfigError, match="before it took a cell; its message is above"):
        pool.run_here(plan, jobs, False)
    assert next(left, None) is None


def test_an_owner_on_another_machine_counts_as_alive_until_its_heartbeat_stops(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"host": "another-machine", "pid": 1, "since": 0}))
    assert not FolderLock(path).acquire()
    os.utime(path, (0, time.time() - 301))
    with FolderLock(path) as lock:
        assert lock.held
