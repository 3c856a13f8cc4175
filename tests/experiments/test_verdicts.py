"""The verdict of the depth experiment: regret, rank and spread, on tables small enough to check by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.experiments.rivals import knee
from s3prl_convexprune.experiments.subsets import kept_layers
from s3prl_convexprune.experiments.verdicts import table, verdicts

DEPTHS = {1: "L1", 2: "L2", 3: "whole"}
SCORES = {"L1": {1: 50.0, 2: 60.0}, "L2": {1: 80.0, 2: 70.0}, "whole": {1: 70.0, 2: 80.0}, "bottom": {1: 40.0, 2: 40.0}}


def test_by_hand() -> None:
    rules = {"convexity": "L2", "CKA": "L1", "whole": "whole", "bottom": "bottom"}
    rows = {row.rule: row for row in verdicts(DEPTHS, rules, SCORES)}
    assert (rows["convexity"].accuracy, rows["convexity"].regret, rows["convexity"].rank) == (75.0, 5.0, 1)
    assert (rows["whole"].regret, rows["whole"].rank) == (5.0, 1)
    assert (rows["CKA"].regret, rows["CKA"].rank) == (25.0, 3)
    assert (rows["bottom"].regret, rows["bottom"].rank) == (40.0, 4)
    assert rows["a random depth (expected)"].regret == pytest.approx(80 - (50 + 60 + 80 + 70 + 70 + 80) / 6)
    assert "| convexity | L2 | 75.00 ± 7.07 | 5.00 ± 7.07 | 1 |" in "\n".join(table("KS", list(rows.values()), 3))


@given(st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3), min_size=2, max_size=12), st.data())
def test_no_rule_beats_the_best_depth_and_the_random_one_lies_between(scores: list, data: st.DataObject) -> None:
    depths = {depth: str(depth) for depth in range(1, len(scores) + 1)}
    table = {str(depth): dict(enumerate(row)) for depth, row in enumerate(scores, start=1)}
    chosen = data.draw(st.integers(1, len(scores)))
    rows = {row.rule: row for row in verdicts(depths, {"rule": depths[chosen]}, table)}
    assert all(row.regret >= -1e-9 and 1 <= row.rank <= len(scores) + 1 for row in rows.values())
    every = [verdicts(depths, {"rule": name}, table)[0].regret for name in depths.values()]
    assert rows["a random depth (expected)"].regret == pytest.approx(sum(every) / len(every), abs=1e-6)


@given(st.sampled_from(["bottom", "symmetric", "alternate"]), st.integers(1, 24), st.data())
def test_a_strategy_keeps_as_many_layers_as_it_says_in_order(
    strategy: str, available: int, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, available))
    layers = kept_layers(strategy, kept, available)
    assert len(layers) == kept and layers == sorted(set(layers)) and layers[0] >= 1 and layers[-1] <= available


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_a_knee_is_a_depth(similarity: list[float]) -> None:
    assert 1 <= knee(similarity, range(len(similarity))) < len(similarity)
