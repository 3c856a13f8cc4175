"""Workers on this machine: processes that take cells until none is left, and a bar that counts them."""

from __future__ import annotations

import queue
import subprocess
from dataclasses import fields, replace
from typing import Any

from tqdm import tqdm

from ...errors import ConfigError
from ...progress import progress_bar
from ...results.reading import FINISHED
from ...results.result import Failure
from ...workers import start_worker
from .failures import note_failure
from .plan import Plan
from .worker import quiet_environment, send


def run_here(plan: Plan, jobs: int, progress: bool) -> None:
    """Keep `jobs` workers alive until the plan has no cell for them; a killed worker costs its cell, not the others.

    A worker that dies with several cells in hand, which may be more than memory holds, is followed by one that takes
    half as many at once; they go on from their checkpoints. One that never took a cell is not followed.

    Raises:
        ConfigError: workers ended so, and none of the others went through the whole plan.
    """
    events: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    workers: dict[int, subprocess.Popen[str]] = {}
    in_hand: dict[int, set[int]] = {}
    began: set[int] = set()  # workers that took a cell
    dead, walked = 0, False
    started = 0

    def start(together: int | None = plan.together) -> None:
        nonlocal started
        number = started
        started += 1
        in_hand[number] = set()
        first = number % jobs * len(plan.cells) // jobs
        workers[number] = start_worker(
            f"{__package__}.worker",
            send(replace(plan, together=together)),
            lambda event: events.put((number, event)),
            (str(first), str(jobs)),
            quiet_environment(jobs),
        )

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
                walked = walked or not code
                if code and len(left) > 1:
                    bar.write(f"{_death(code)}; its {len(left)} cells go on, half as many at once")
                    start(len(left) // 2)
                elif code and left:
                    cell = plan.cells[left.pop()]
                    bar.update(1)
                    _say(bar, cell.title, note_failure(plan, cell, _death(code)))
                    start()
                elif code and number in began:
                    bar.write(f"between two cells, {_death(code)}; another takes its place")
                    start()
                elif code:
                    dead = code
                    bar.write(f"before it took a cell, {_death(code)}")
            elif event["event"] == "start":
                began.add(number)
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
    if dead and not walked:
        raise ConfigError(f"a worker ended with status {dead} before it took a cell; its message is above")


def _death(code: int) -> str:
    if code == -9:
        return "its worker was killed (signal 9); often the machine was out of memory"
    return f"its worker died (status {code})"


def _say(bar: tqdm, title: str, failure: Failure) -> None:
    bar.write(f"failed: {title}: {failure.reason}; its log is {failure.log}")
