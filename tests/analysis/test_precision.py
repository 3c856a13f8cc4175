"""What bf16 does to the scores is measured, kept and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.artifact import Analysis

ASKED = ("tiny_hubert_convexpruned_L2", "demo", "word")


def test_the_scores_of_both_analyses_stand_in_the_one(tmp_path: Path) -> None:
    one, other = (
        analyze(*ASKED, tmp_path / name, per_class=4, precision=precision, device="cpu", progress=False)
        for name, precision in (("bf16.json", "bf16"), ("float32.json", None))
    )
    effect = Analysis.read(tmp_path / "bf16.json").precision_effect
    assert effect is not None and effect.points == one.corpus.n_points  # so few points are all of them
    assert effect.layers == tuple(row.layer for row in one.layers)
    assert effect.reduced == pytest.approx([row.convexity for row in one.layers], abs=1e-9)
    assert effect.float32 == pytest.approx([row.convexity for row in other.layers], abs=0.05)  # other batches
    assert effect.reduced != effect.float32 and other.precision_effect is None
    assert f"bf16: of {effect.points} of the {effect.points} points" in one.table()


def test_of_many_points_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3prl_convexprune.analysis.precision.MOST", 12)
    monkeypatch.setattr("s3prl_convexprune.analysis.precision.MOST_CLASSES", 3)
    found = analyze(*ASKED, per_class=4, precision="bf16", device="cpu", progress=False)
    assert found.precision_effect is not None and found.precision_effect.points == 12 < found.corpus.n_points
