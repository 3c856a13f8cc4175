"""A grid expands to every cell once, with commands that s3prl understands, and refuses what it cannot mean."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.errors import ArtifactError, ConfigError
from s3prl_convexprune.experiments.cells.claim import claim
from s3prl_convexprune.experiments.cells.run import dry_run
from s3prl_convexprune.experiments.cells.worker import receive, send
from s3prl_convexprune.experiments.finetuned.comparison import make_comparison
from s3prl_convexprune.experiments.frozen.planning import make_plan
from s3prl_convexprune.upstreams.config_search import SEARCH_PATH_VARIABLE


def test_every_combination_once_and_er_in_five_folds(tmp_path: Path) -> None:
    plan = make_plan(["a", "b", "a"], ["ks", "er"], tmp_path, lrs=[1e-1, 1e-2], seeds=[1, 2, 3])
    assert len(plan.cells) == len(set(plan.cells)) == 2 * 2 * 3 * (1 + 5)
    assert len({cell.path for cell in plan.cells}) == len(plan.cells)


def test_without_lr_the_recipe_decides(tmp_path: Path) -> None:
    (cell,) = make_plan(["a"], ["sid"], tmp_path).cells
    assert cell.lr == 1e-4 and cell.seed == 1337


@given(st.integers(1, 9), st.integers(1, 4))
def test_shards_share_the_cells_out(count: int, seeds: int) -> None:
    plan = make_plan(["a"], ["er", "ks"], "grid", seeds=range(seeds))
    parts = [plan.shard(index, count).cells for index in range(1, count + 1)]
    assert sorted(map(str, sum(parts, ()))) == sorted(map(str, plan.cells))


def test_a_plan_survives_the_way_to_another_machine(tmp_path: Path) -> None:
    plan = make_plan(["a"], ["ks", "er"], tmp_path, overrides={"er": "config.a=1,,config.b=2", "all": ["args.c=3"]})
    assert receive(send(plan)) == plan
    assert plan.overrides == {"ks": ("args.c=3",), "er": ("config.a=1", "config.b=2", "args.c=3")}


def test_dry_run_prints_commands_that_a_shell_reads_back(tmp_path: Path) -> None:
    plan = make_plan(["a"], ["er"], tmp_path / "with space", folds=["fold2"], lrs=[0.01], ckpt="c.pt")
    train, evaluate = (shlex.split(line) for line in dry_run(plan).splitlines() if not line.startswith("#"))
    assert train[0] == evaluate[0] == "run_downstream.py"
    assert train[1:] == plan.train_arguments(plan.cells[0])
    assert "config.optimizer.lr=0.01,,config.downstream_expert.datarc.test_fold='fold2'" in train
    assert evaluate[evaluate.index("-e") + 1].endswith("er/fold2/lr0.01_seed1337/dev-best.ckpt")
    assert not (tmp_path / "with space").exists()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "task": ({"tasks": ["kws"]}, "unknown task 'kws'; did you mean 'ks'"),
    "fold": ({"folds": ["fold6"]}, "ER has no 'fold6'"),
    "no upstream": ({"upstreams": []}, "at least one upstream"),
    "override of the lr": ({"overrides": {"er": "config.optimizer.lr=1"}}, "use --lr"),
    "override of the folder": ({"overrides": {"all": "args.expdir='x'"}}, "use -o"),
    "override without a value": ({"overrides": {"er": "config.runner.total_steps"}}, "one '='"),
    "override of nothing": ({"overrides": {"er": "runner.total_steps=3"}}, "expected config"),
    "override for no task": ({"overrides": {"kz": "config.a=3"}}, "unknown task 'kz'"),
    "folder that -o cannot carry": ({"expdir": "a=b"}, "choose another folder"),
    "recipe": ({"recipes": {"er": "missing.yaml"}}, "missing.yaml: cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused(case: str) -> None:
    changes, message = REFUSED[case]
    arguments: dict[str, Any] = {"upstreams": ["a"], "tasks": ["er"], "expdir": "grid"} | changes
    with pytest.raises(ConfigError, match=message):
        make_plan(**arguments)


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0)])
def test_a_shard_that_is_none(shard: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="1 <= i <= n"):
        make_plan(["a"], ["ks"], "grid").shard(*shard)


def test_a_folder_of_another_grid_or_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    claim(ours, {"lr": 1.0, "seed": 2})
    claim(ours, {"lr": 1.0, "seed": 2})
    with pytest.raises(ArtifactError, match="another lr"):
        claim(ours, {"lr": 2.0, "seed": 2})
    with pytest.raises(ArtifactError, match="another precision"):
        claim(ours, {"lr": 1.0, "seed": 2, "precision": "bf16"})
    (theirs / "states-1000.ckpt").touch()
    with pytest.raises(ArtifactError, match="not made by us"):
        claim(theirs, {"lr": 1.0})
    assert [path.name for path in theirs.iterdir()] == ["states-1000.ckpt"]


@pytest.mark.parametrize(
    ("before", "now"), [({"version": 1}, {"version": 2, "cut": None}), ({"seed": 1}, {"seed": 1, "cut": None})]
)
def test_a_folder_of_another_version_says_so(before: dict[str, Any], now: dict[str, Any], tmp_path: Path) -> None:
    claim(tmp_path, before)
    with pytest.raises(ArtifactError, match="another version of this package"):
        claim(tmp_path, now)


@pytest.mark.parametrize("edited", ["layers: 8", "final_norm: keep", "base: wav2vec2_large_960", "base_args: {a: 1}"])
def test_a_config_that_was_edited_is_another_cut(edited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid that goes on would hold numbers of both under one name."""
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path))
    config = {"name": "mine", "base": "hubert_large_ll60k", "layers": "6"}
    for more in ((), (edited.split(": ", 1),)):
        text = "".join(f"{key}: {value}\n" for key, value in {**config, **dict(more)}.items())
        (tmp_path / "mine.yaml").write_text(text)
        plans = [
            make_plan(["mine", "hubert"], ["ks"], tmp_path / "grid"),
            make_comparison(["mine", "hubert"], "ks", tmp_path / "tuned", tmp_path, seeds=[0]),
        ]
        for plan in plans:
            own, whole = sorted(plan.cells, key=lambda cell: cell.upstream != "mine")
            plan.folder(own).mkdir(parents=True, exist_ok=True)
            assert plan.spec(whole)["cut"] is None
            if not more:
                claim(plan.folder(own), plan.spec(own), plan.SPEC)
                claim(plan.folder(own), plan.spec(own), plan.SPEC)
                continue
            with pytest.raises(ArtifactError, match="was made with another cut; take another output folder"):
                claim(plan.folder(own), plan.spec(own), plan.SPEC)
