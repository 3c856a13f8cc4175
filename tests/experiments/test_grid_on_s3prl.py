"""Real cells: s3prl's own recipes on tiny corpora, in a worker that is reused, killed, or held against a fresh one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune import compat

compat.apply()

from s3prl_convexprune.experiments.cells.run import run_cells, summarise  # noqa: E402
from s3prl_convexprune.experiments.cells.worker import send  # noqa: E402
from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from s3prl_convexprune.experiments.frozen.planning import make_plan  # noqa: E402
from s3prl_convexprune.results.cell import Cell  # noqa: E402
from s3prl_convexprune.results.outcome import read_checkpoint  # noqa: E402
from s3prl_convexprune.results.reading import read_results  # noqa: E402
from s3prl_convexprune.schema import read_json  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402
from tests.recipe_corpora import build  # noqa: E402

OVERRIDES = {
    "all": "config.runner.total_steps=8,,config.runner.eval_step=3,,"
    "config.runner.save_step=2,,config.runner.log_step=2",
    "ks": "config.downstream_expert.datarc.num_workers=0,,config.downstream_expert.datarc.batch_size=4",
    "sid": "config.downstream_expert.datarc.num_workers=1,,config.downstream_expert.datarc.train_batch_size=3",
    "er": "config.downstream_expert.datarc.num_workers=0,,config.runner.gradient_accumulate_steps=2",
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Corpora for KS, SID and ER in the environment; the checkpoint's path."""
    root = tmp_path_factory.mktemp("corpora")
    given = {"XDG_CACHE_HOME": str(root / "cache")}
    for task in ("ks", "sid", "er"):
        given |= build(task, root / task)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        yield str(CASES["hf_hubert-post"].build(root / "checkpoint"))


def plan_for(expdir: Path, ckpt: str, tasks: list[str], **options: Any) -> Grid:
    upstream = options.pop("upstream", "hf_hubert_custom_convexpruned_L2")
    return make_plan([upstream], tasks, expdir, lrs=[0.01], folds=["fold2"], overrides=OVERRIDES, ckpt=ckpt, **options)


@pytest.fixture(scope="module")
def one_worker(corpora: str, tmp_path_factory: pytest.TempPathFactory) -> Grid:
    """Three cells run one after the other by one worker process."""
    plan = plan_for(tmp_path_factory.mktemp("one_worker"), corpora, ["sid", "er", "ks"])
    report = run_cells(plan, progress=False)
    assert report.finished == 3 and not report.failed and not report.open
    return plan


def numbers(folder: Path) -> dict[str, Any]:
    row = read_json(folder / "finished.json")
    return {key: row[key] for key in ("dev", "test", "step", "utterances", "truth_sha256", "layers", "params")}


def weights(path: Path) -> dict[str, Any]:
    return read_checkpoint(path)["Downstream"]


def same_weights(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def test_results_hold_every_cell_with_its_provenance(one_worker: Grid) -> None:
    rows = read_results(one_worker.expdir / "results.json")
    assert {(row.task, row.fold) for row in rows} == {("sid", None), ("er", "fold2"), ("ks", None)}
    for row in rows:
        assert row.layers == 2 and 0 <= row.dev <= 100 and 0 <= row.test <= 100
        assert row.provenance.versions.keys() & {"s3prl", "espnet-s3prl"}
        assert len(row.provenance.upstream_sha256) == 64
        assert row.provenance.depth.base == "hf_hubert_custom"
    assert len({row.provenance.upstream_sha256 for row in rows}) == 1


def test_a_finished_grid_is_not_touched_again(one_worker: Grid) -> None:
    files = {path: path.stat().st_mtime_ns for path in one_worker.expdir.rglob("*") if path.is_file()}
    report = run_cells(one_worker, progress=False)
    after = {path: path.stat().st_mtime_ns for path in one_worker.expdir.rglob("*") if path.is_file()}
    files.pop(report.results), after.pop(report.results)
    assert report.finished == 3 and files == after


def test_the_printed_commands_in_a_fresh_process_give_the_same_numbers(
    one_worker: Grid, corpora: str, tmp_path: Path
) -> None:
    """The last cell of a reused worker against `run_downstream.py`: nothing leaks from cell to cell."""
    plan = plan_for(tmp_path, corpora, ["ks"])
    (cell,) = plan.cells
    code = (
        "import sys; from s3prl_convexprune.run_downstream import main;"
        f"sys.exit(main({plan.train_arguments(cell)!r}) or main({plan.evaluate_arguments(cell)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    ours = one_worker.folder(cell)
    assert same_weights(ours / "dev-best.ckpt", plan.folder(cell) / "dev-best.ckpt")
    for name in ("test_predict.txt", "test_truth.txt", "log.log"):
        assert (ours / name).read_text() == (plan.folder(cell) / name).read_text()


@pytest.mark.parametrize("task", ["ks", "sid"])
def test_a_killed_cell_goes_on_and_ends_with_the_same_numbers(
    task: str, one_worker: Grid, corpora: str, tmp_path: Path
) -> None:
    plan = plan_for(tmp_path, corpora, [task])
    (cell,) = plan.cells
    folder = plan.folder(cell)
    worker = subprocess.Popen(
        [sys.executable, "-m", "s3prl_convexprune.experiments.cells.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert worker.stdin is not None
    worker.stdin.write(send(plan) + "\n")
    worker.stdin.flush()
    deadline = time.monotonic() + 120
    while not list(folder.glob("resume-*.pt")):
        assert worker.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert not (folder / "finished.json").exists()
    before = summarise(plan)
    assert before.finished == 0 and before.open == [cell.title] and read_results(before.results) == []
    (folder / "states-99.ckpt").write_bytes(b"half a checkpoint")

    assert run_cells(plan, progress=False).finished == 1
    assert numbers(folder) == numbers(one_worker.folder(cell))
    assert same_weights(folder / "dev-best.ckpt", one_worker.folder(cell) / "dev-best.ckpt")
    assert "Resume from" in (folder / "run.log").read_text()


def test_a_worker_does_not_outlive_the_process_that_started_it(corpora: str, tmp_path: Path) -> None:
    plan = plan_for(tmp_path, corpora, ["ks"])
    command = [sys.executable, "-m", "s3prl_convexprune.experiments.cells.worker"]
    ended = subprocess.run(command, input=send(plan) + "\n", capture_output=True, text=True)
    assert ended.returncode == 1
    assert not (plan.folder(plan.cells[0]) / "finished.json").exists()


def test_one_failing_cell_does_not_stop_the_others(
    corpora: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = plan_for(tmp_path, corpora, ["sid"], upstream="hf_hubert_custom_convexpruned_L1").cells[0]
    bad = Cell("hf_hubert_custom_convexpruned_L9", "sid", None, 0.01, 1337)
    plan = plan_for(tmp_path, corpora, ["sid"])
    plan = replace(plan, cells=(bad, good))
    report = run_cells(plan, progress=False)
    assert report.finished == 1 and list(report.failed) == [bad.title]
    note = report.failed[bad.title]
    assert "L9 is out of range 1..4" in note.reason and any("L9" in line for line in note.last_lines)
    said = [line for line in capfd.readouterr().out.splitlines() if bad.title in line or "L9" in line]
    assert said == [f"failed: {bad.title}: {note.reason}; its log is {note.log}"]
    assert [row.upstream for row in read_results(report.results)] == [good.upstream]
