"""A group that is killed, or whose cells fail: it goes on, and the others do not notice."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune import compat

compat.apply()


from s3prl_convexprune.experiments.cells.run import run_cells  # noqa: E402
from s3prl_convexprune.experiments.cells.worker import work  # noqa: E402
from s3prl_convexprune.experiments.frozen.experiment import run_cell  # noqa: E402
from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from s3prl_convexprune.experiments.frozen.together import lockstep  # noqa: E402
from s3prl_convexprune.experiments.frozen.together import run as together_run  # noqa: E402
from s3prl_convexprune.experiments.frozen.together.lockstep import Member  # noqa: E402
from s3prl_convexprune.results.cell import Cell  # noqa: E402
from tests.experiments.together.runs import contents, differences, plan_for  # noqa: E402


def test_a_group_killed_anywhere_goes_on_and_ends_with_the_same_numbers(
    alone: Callable[[str], Grid], corpora: Path, tmp_path: Path
) -> None:
    """Killed when its cells have checkpoints of different steps and one has none; the next worker takes half."""
    name = "ks, whole and cut"
    apart = alone(name)
    plan = plan_for(corpora, name, tmp_path, together=None)
    folders = [plan.folder(plan.cells[index]) for index in plan.groups()[0]]
    killed = []

    def kill() -> None:
        deadline = time.monotonic() + 300
        while not (folders[1] / "resume-4.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.0005)
        process = json.loads((folders[1] / "lock").read_text())["pid"]
        os.kill(process, signal.SIGSTOP)
        killed.append(not any((folder / "finished.json").exists() for folder in folders))
        for path in folders[0].glob("resume-*"):
            path.unlink()
        os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    report = run_cells(plan, progress=False)
    killer.join()
    assert killed == [True] and report.finished == len(plan.cells) and not report.failed
    for cell in plan.cells:
        undisturbed, resumed = contents(apart.folder(cell)), contents(plan.folder(cell))
        assert set(undisturbed.pop("log.log").splitlines()) == set(resumed.pop("log.log").splitlines())
        if "states-4.ckpt" not in resumed:  # cleared by a run that goes on from that very step
            del undisturbed["states-4.ckpt"]
        assert differences(undisturbed, resumed) == []


def test_a_cell_that_fails_leaves_and_the_others_do_not_notice(
    alone: Callable[[str], Grid],
    corpora: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """At the first step, in the middle of training, and while it is built; memory holds three at once."""
    name = "er, last state"
    apart = alone(name)
    plan = plan_for(corpora, name, tmp_path, together=9)
    too_deep = replace(plan.cells[0], upstream="hubert_custom_convexpruned_L9")
    plan = replace(plan, cells=(too_deep, *plan.cells))
    dies, refused = plan.cells[1:3]
    monkeypatch.setattr(together_run, "cells_that_fit", lambda *given: 3)
    refusals: list[int] = []  # s3prl goes on with the next batch after one
    monkeypatch.setattr(lockstep, "refused_by_the_gpu", lambda: len(refusals))

    def run_and_fail(plan: Grid, cell: Cell, member: Member) -> None:
        def drew_batch() -> None:
            Member.drew_batch(member)
            if cell == dies:
                raise MemoryError("no memory for this cell")
            if cell == refused and member.position[1] == 4:
                refusals.append(1)

        member.drew_batch = drew_batch  # type: ignore[method-assign]
        run_cell(plan, cell, member)

    events: list[dict[str, Any]] = []
    work(plan, events.append, run_and_fail)
    failed = {event["cell"]: event["reason"] for event in events if event["event"] == "failed"}
    assert "L9 is out of range 1..4" in failed.pop(0)
    assert failed.pop(1) == "MemoryError: no memory for this cell"
    assert "memory does not hold so many cells" in failed.pop(2)
    assert "--together 9: memory holds 3 cells at once" in capfd.readouterr().err
    for cell in plan.cells[3:]:
        assert differences(contents(apart.folder(cell)), contents(plan.folder(cell))) == []
