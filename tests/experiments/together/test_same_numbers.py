"""Cells that ran together against the same cells alone: every tensor, log line, prediction and score, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from s3prl_convexprune import compat

compat.apply()

import torch  # noqa: E402

from s3prl_convexprune.experiments.cells.worker import work  # noqa: E402
from s3prl_convexprune.experiments.frozen.experiment import run_cell  # noqa: E402
from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from s3prl_convexprune.results.result import Result  # noqa: E402
from tests.experiments.together.runs import RUNS, contents, differences, plan_for, run  # noqa: E402


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
