"""Cells that ran together against the same cells alone: every tensor, log line, prediction and score, bit by bit."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune import compat

compat.apply()

import torch  # noqa: E402

from s3prl_convexprune.errors import ConfigError  # noqa: E402
from s3prl_convexprune.experiments.cells.run import run_cells  # noqa: E402
from s3prl_convexprune.experiments.cells.worker import work  # noqa: E402
from s3prl_convexprune.experiments.frozen.experiment import run_cell  # noqa: E402
from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from s3prl_convexprune.experiments.frozen.planning import make_plan  # noqa: E402
from s3prl_convexprune.experiments.frozen.together import lockstep  # noqa: E402
from s3prl_convexprune.experiments.frozen.together import run as together_run  # noqa: E402
from s3prl_convexprune.experiments.frozen.together.lockstep import Member  # noqa: E402
from s3prl_convexprune.results.cell import Cell, Precision  # noqa: E402
from s3prl_convexprune.results.outcome import read_checkpoint  # noqa: E402
from s3prl_convexprune.results.result import Result  # noqa: E402
from s3prl_convexprune.schema import read_json  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402
from tests.tiny_corpora import BUILDERS  # noqa: E402

RUN_TOGETHER = together_run.run_together
LENGTHS = (0.5, 0.7)  # a batch's padding depends on who is in it
SCHEDULE = "config.runner.total_steps=5,,config.runner.eval_step=3,,config.runner.save_step=2,,config.runner.log_step=2"
DATA = "config.downstream_expert.datarc"
MODEL = "config.downstream_expert.modelrc"
TASKS = {
    # silence is cropped at random, dev is drawn at random
    "ks": f"{DATA}.num_workers=0,,{DATA}.batch_size=4",
    # cropped at random, in a worker process; the gradient of two batches a step
    "sid": f"{DATA}.num_workers=1,,{DATA}.train_batch_size=2,,{DATA}.max_timestep=9000,,"
    "config.runner.gradient_accumulate_steps=2",
    # a head with dropout; the audio read in advance
    "er": f"{DATA}.num_workers=0,,{MODEL}.select='DeepModel',,config.runner.gradient_accumulate_steps=2",
    # SpecAugment, dropout, CTC
    "asr": f"{DATA}.num_workers=0,,{DATA}.train_batch_size=2,,{DATA}.batch_size=2,,"
    f"{MODEL}.project_dim=16,,{MODEL}.RNNs.dim=[16,16]",
}
LAST = "args.upstream_feature_selection='last_hidden_state'"
CUTS = ("_convexpruned_L1", "_convexpruned_L3")
WITH_WHOLE = ("_convexpruned_L1", "")
#: task, checkpoint, what stands behind its hub entry, further overrides, most passes that are not shared
RUNS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "ks, whole and cut": ("ks", "hf_hubert-post", WITH_WHOLE, ""),
    "sid, normalised features": ("sid", "hubert-pre", CUTS, "args.upstream_feature_normalize=True"),
    "er, an upstream that draws": ("er", "wavlm-post", CUTS, ""),
    "er, last state": ("er", "hubert-post", CUTS, LAST),
    "asr, last state into SpecAugment": ("asr", "hf_hubert-pre", CUTS, LAST),
    "asr, one layer": ("asr", "hubert-post", CUTS, "args.upstream_layer_selection=1"),
    "ks, a whole upstream that draws layer by layer": ("ks", "hubert-post", WITH_WHOLE, ""),
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("corpora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        for task, build in BUILDERS.items():
            for name, value in build(root / task, lengths=LENGTHS).items():
                patch.setenv(name, value)
        yield root


def plan_for(
    root: Path, run: str, expdir: Path, together: int | None, precision: Precision | None = None, device: str = "cpu"
) -> Grid:
    task, case, cuts, more = RUNS[run]
    built = root / case
    ckpt = CASES[case].build(built)
    return make_plan(
        [CASES[case].entry + cut for cut in cuts],
        [task],
        expdir,
        lrs=[0.02, 0.001],
        seeds=[3],  # one with which no cell of KS ends at 0 % on dev, which chooses no checkpoint
        folds=["fold2", "fold4"] if task == "er" and not more else ["fold2"],
        overrides={task: ",,".join(filter(None, (SCHEDULE, TASKS[task], more)))},
        ckpt=str(ckpt),
        device=device,
        together=together,
        precision=precision,
    )


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a cell left behind, less paths and times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".ckpt":
            states = read_checkpoint(path)
            found[path.name] = {key: value for key, value in states.items() if key != "Args"}
        elif path.suffix in (".txt", ".ark", ".log") and path.name != "run.log":
            found[path.name] = path.read_text()
    if not (folder / "finished.json").exists():  # no checkpoint was ever chosen on dev
        return found | {"reason": read_json(folder / "failed.json")["reason"].replace(str(folder), "")}
    row = read_json(folder / "finished.json")
    numbers = ("dev", "test", "step", "utterances", "truth_sha256", "layers", "params")
    return found | {key: row[key] for key in numbers} | {"weights": row["provenance"]["upstream_sha256"]}


def differences(a: Any, b: Any, where: str = "", tolerance: float = 0.0) -> list[str]:
    """Where two cells differ; floating-point tensors by more than `tolerance` of their largest entry."""
    if isinstance(a, torch.Tensor):
        if tolerance and a.is_floating_point() and a.shape == b.shape:
            return [] if (a - b).abs().max() <= tolerance * a.abs().max() else [where]
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [f"{where}: {a.keys() ^ b.keys()}"]
        return [found for key in a for found in differences(a[key], b[key], f"{where}/{key}", tolerance)]
    if isinstance(a, list | tuple):
        return [found for one, other in zip(a, b, strict=True) for found in differences(one, other, where, tolerance)]
    return [] if a == b else [f"{where}: {a!r:.2000} != {b!r:.2000}"]


def run(plan: Grid, monkeypatch: pytest.MonkeyPatch) -> list[together_run.Shared]:
    shared: list[together_run.Shared] = []
    monkeypatch.setattr(together_run, "run_together", lambda *given: shared.append(RUN_TOGETHER(*given)))
    work(plan, lambda event: None, run_cell)
    return shared


@pytest.fixture(scope="module")
def alone(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Grid]:
    """The cells of one of `RUNS`, each run alone, once for all tests."""

    @functools.cache
    def run_alone(name: str) -> Grid:
        plan = plan_for(corpora, name, tmp_path_factory.mktemp("alone"), together=1)
        with pytest.MonkeyPatch.context() as patch:
            assert run(plan, patch) == []
        return plan

    return run_alone


@pytest.mark.parametrize("name", RUNS)
def test_together_is_alone(
    name: str, alone: Callable[[str], Grid], corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = alone(name)
    plan = plan_for(corpora, name, tmp_path, together=None)
    shared = run(plan, monkeypatch)
    for cell in plan.cells:
        assert differences(contents(apart.folder(cell)), contents(plan.folder(cell))) == []
    least = 1 if "draws layer by layer" in name else 2  # of the three other cells, how many were answered
    for group in shared:
        assert group.upstream().answered > least * group.upstream().computed


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith(("ks, whole", "sid", "er, last"))])
def test_on_a_gpu_heads_agree_to_a_thousandth(name: str, corpora: Path, tmp_path: Path) -> None:
    """Its kernels may add up in another order from run to run; five steps from the same weights stay this close."""
    plans = [plan_for(corpora, name, tmp_path / f"{together}", together, device="cuda") for together in (1, None)]
    for plan in plans:
        work(plan, lambda event: None, run_cell)
    for cell in plans[0].cells:
        alone, both = (contents(plan.folder(cell)) for plan in plans)
        heads = [{key: states for key, states in found.items() if key.endswith(".ckpt")} for found in (alone, both)]
        assert heads[0] and differences(*heads, tolerance=1e-3) == []


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


def test_reduced_precision_is_measured_and_the_same_together(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ks, whole and cut"
    plans = [plan_for(corpora, name, tmp_path / f"{together}", together, precision="bf16") for together in (1, None)]
    for plan in plans:
        run(plan, monkeypatch)
    for cell in plans[0].cells:
        alone, both = (plan.folder(cell) for plan in plans)
        assert differences(contents(alone), contents(both)) == []
        for folder in (alone, both):
            result = Result.read(folder / "finished.json")
            assert result.reduced is not None and len(result.reduced.states) == result.layers + 1
            assert all(1e-5 < difference < 0.1 for difference in result.reduced.states)
            # the same checkpoint in full precision: s3prl scored it first
            full, reduced = [line for line in (folder / "log.log").read_text().splitlines() if "step 0" in line]
            assert float(full.rsplit(" ", 1)[1]) * 100 == pytest.approx(result.reduced.test_in_full)
            assert float(reduced.rsplit(" ", 1)[1]) * 100 == pytest.approx(result.test)


def test_what_cannot_be_is_refused_before_any_work(tmp_path: Path) -> None:
    for options, message in (
        ({"together": 0}, "--together 0: expected a whole number from 1"),
        ({"precision": "int8"}, "--precision int8; expected one of bf16, fp16"),
        (
            {"precision": "bf16", "overrides": {"ks": "args.upstream_trainable=True"}},
            "--precision bf16 is for frozen upstreams; ks trains its own",
        ),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            make_plan(["hubert"], ["ks"], tmp_path, **options)


def test_who_shares_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Depths and rates of one base, task, fold and seed; a shard takes groups whole."""
    (tmp_path / "kept.yaml").write_text("{name: kept, base: hubert, layers: 3, final_norm: keep}")
    (tmp_path / "named.yaml").write_text("{name: named, base: hubert, layers: 5}")
    (tmp_path / "other.yaml").write_text("{name: other, base: hubert, layers: 5, base_args: {ckpt: x.pt}}")
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    upstreams = ["hubert", "hubert_convexpruned_L2", "named", "kept", "other", "wavlm"]
    plan = make_plan(upstreams, ["ks", "er"], tmp_path, lrs=[0.1, 0.2], seeds=[1, 2], folds=["fold1", "fold2"])
    groups = [[plan.cells[index] for index in group] for group in plan.groups()]
    for group in groups:
        assert len({(cell.task, cell.fold, cell.seed) for cell in group}) == 1
        names = list(dict.fromkeys(cell.upstream for cell in group))
        assert names in (["hubert", "named", "hubert_convexpruned_L2"], ["kept"], ["other"], ["wavlm"])
        assert len(group) == (1 if names == ["kept"] else 2 * len(names))
    shards = [plan.shard(number, 3) for number in (1, 2, 3)]
    assert sorted(map(str, plan.cells)) == sorted(str(cell) for shard in shards for cell in shard.cells)
    assert sum(len(shard.groups()) for shard in shards) == len(groups)
    trained = make_plan(upstreams, ["ks"], tmp_path, overrides={"ks": "args.upstream_trainable=True"})
    assert all(len(group) == 1 for group in trained.groups() + replace(plan, together=1).groups())
