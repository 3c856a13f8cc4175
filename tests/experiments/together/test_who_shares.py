"""Which cells share a pass, and what is refused before any work."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from s3prl_convexprune import compat

compat.apply()


from s3prl_convexprune.errors import ConfigError  # noqa: E402
from s3prl_convexprune.experiments.frozen.planning import make_plan  # noqa: E402


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
        assert names in (["hubert", "named", "kept", "hubert_convexpruned_L2"], ["other"], ["wavlm"])
        assert len(group) == 2 * len(names)
    shards = [plan.shard(number, 3) for number in (1, 2, 3)]
    assert sorted(map(str, plan.cells)) == sorted(str(cell) for shard in shards for cell in shard.cells)
    assert sum(len(shard.groups()) for shard in shards) == len(groups)
    trained = make_plan(upstreams, ["ks"], tmp_path, overrides={"ks": "args.upstream_trainable=True"})
    assert all(len(group) == 1 for group in trained.groups() + replace(plan, together=1).groups())
