"""`s3prl-convexprune run`: what it prints, what it refuses, and a cluster's launcher."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.experiments.cells.run import run_cells
from s3prl_convexprune.experiments.cells.workers import Workers
from s3prl_convexprune.experiments.frozen.planning import make_plan
from s3prl_convexprune.results.reading import read_results
from tests.checkpoints import CASES
from tests.recipe_corpora import build

SHORT = [
    "config.runner.total_steps=6",
    "config.runner.eval_step=3",
    "config.runner.save_step=6",
    "config.runner.log_step=1",
    "config.downstream_expert.datarc.num_workers=0",
    "config.downstream_expert.datarc.train_batch_size=2",
    "config.runner.gradient_accumulate_steps=1",
]


def test_dry_run_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in ("ks", "er"):
        for name, value in build(task, tmp_path / task).items():
            monkeypatch.setenv(name, value)
    arguments = [
        "run",
        "-u",
        "hubert",
        "hubert_convexpruned_L6",
        "-t",
        "ks",
        "er",
        "-o",
        str(tmp_path / "grid"),
        "--dry-run",
        "--shard",
        "1/2",
    ]
    assert main([*arguments, "--override", "config.runner.total_steps=9", "ks:config.runner.log_step=1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# 6 cells") and printed.count("run_downstream.py -m train") == 6
    assert printed.count("total_steps=9") == 6 and printed.count("log_step=1") == printed.count("-d speech_commands")
    assert not (tmp_path / "grid").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "kws"], "unknown task 'kws'; did you mean 'ks'"),
        (["-t", "ks", "--shard", "3/2"], "expected i/n"),
        (["-t", "ks", "--shard", "half"], "expected i/n"),
        (["-t", "ks", "--override", "total_steps=3"], "expected config"),
        (["-t", "ks", "--launcher-option", "gpu"], "expected KEY=VALUE"),
        (["-t", "ks", "-u", "hubrt"], "did you mean 'hubert"),
        (["-t", "ks", "-u", "hubrt_convexpruned_L6"], "did you mean 'hubert"),
        (["-t", "ks", "-u", "hubert_convexpruned_L0"], "depths in a name start at L1"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-u", "hubert_base", "-o", str(tmp_path / "grid"), "--device", "cpu", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("s3prl-convexprune: error:") and message in error
    assert not (tmp_path / "grid").exists()


def test_submitit_runs_the_same_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    for name, value in build("sid", tmp_path / "corpus").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ckpt = str(CASES["hf_hubert-post"].build(tmp_path / "checkpoint"))
    names = ["hf_hubert_custom_convexpruned_L1", "hf_hubert_custom_convexpruned_L2"]
    plan = make_plan(names, ["sid"], tmp_path / "grid", lrs=[0.01], overrides={"all": SHORT}, ckpt=ckpt)
    report = run_cells(plan, Workers(2, launcher="local", launcher_options={"timeout_min": 60}))
    assert report.finished == 2 and not report.failed
    assert {row.upstream for row in read_results(report.results)} == set(names)
