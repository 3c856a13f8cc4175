"""The verdicts on rules and depths, on scores small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr, t

from s3prl_convexprune.experiments.rivals import knee
from s3prl_convexprune.experiments.subsets import kept_layers
from s3prl_convexprune.experiments.verdicts import equal_cost
from s3prl_convexprune.experiments.verdicts.depths import rank_correlation
from s3prl_convexprune.experiments.verdicts.resampling import Scores, Source
from s3prl_convexprune.experiments.verdicts.rules import RANDOM, table, verdicts

DEPTHS = {1: "L1", 2: "L2", 3: "whole"}


def certain(higher_is_better: bool = True, **values: float) -> Scores:
    """Scores that are the same in every resample."""
    row = np.array([*values.values()])
    return Scores(tuple(values), row, (Source(10, np.tile(row, (50, 1))),), higher_is_better)


def test_by_hand() -> None:
    scores = certain(L1=50.0, L2=80.0, whole=70.0, m_layers_2to3=40.0)
    rules = {"convexity": ("L2", "L2"), "whole": ("whole", "L3"), "bottom": ("m_layers_2to3", "2 layers")}
    found = verdicts(DEPTHS, rules, scores)
    rows = {row.rule: row for row in found}
    assert [row.rule for row in found] == ["convexity", "whole", RANDOM, "bottom"]
    assert (rows["convexity"].regret.value, rows["convexity"].rank, rows["whole"].gap) == (0.0, 1, None)
    assert rows[RANDOM].regret.value == pytest.approx(80 - 200 / 3)
    lines = table("KS", found, 3, 1.0)
    best = "| convexity | L2 | 80.00 [80.00, 80.00] | 0.00 [0.00, 0.00] | 1 | +10.00 [+10.00, +10.00] | higher |"
    assert best in lines and any(line.startswith("| bottom | 2 layers | 40.00") for line in lines)
    dropped = [equal_cost.Kept("m_layers_2to3", 2, ("bottom", "bi"))]
    lines = equal_cost.table("KS", DEPTHS, dropped, scores, 1.0)
    assert lines[-1] == "| 2: 2 to 3 | bottom, bi | 40.00 [40.00, 40.00] | -40.00 [-40.00, -40.00] | lower |"
    assert equal_cost.table("KS", DEPTHS, [], scores, 1.0) == []


def test_error_rates_and_their_differences_are_shown_as_the_task_states_them() -> None:
    depths, scores = {1: "L1", 2: "whole"}, certain(False, L1=-32.0, whole=-10.75, m_layers_2=-8.0)
    (best, _, worst) = verdicts(depths, {"argmax": ("L1", "L1"), "whole": ("whole", "L2")}, scores)
    assert (best.rule, best.rank, worst.rule, worst.rank, worst.regret.value) == ("whole", 1, "argmax", 2, 21.25)
    said = "| argmax | L1 | 32.00 [32.00, 32.00] | 21.25 [21.25, 21.25] | 2 | +21.25 [+21.25, +21.25] | higher |"
    assert table("ASR", [worst], 2, 1.0)[-1] == said
    lines = equal_cost.table("ASR", depths, [equal_cost.Kept("m_layers_2", 1, ("bottom",))], scores, 1.0)
    assert lines[-1] == "| 1: 2 | bottom | 8.00 [8.00, 8.00] | -24.00 [-24.00, -24.00] | lower |"


@pytest.mark.parametrize(
    ("higher_is_better", "value", "low", "high"),
    [(True, 3.0, 0.0, None), (True, 97.0, None, 100.0), (False, -3.0, 0.0, None), (False, -99.0, None, None)],
)
def test_a_score_stays_within_its_metrics_range(
    higher_is_better: bool, value: float, low: float | None, high: float | None
) -> None:
    draws = np.array([[value - 20], [value], [value + 20]])
    found = Scores(("a",), np.array([value]), (Source(5, draws),), higher_is_better).score(lambda s: s[..., 0])
    half = 20 * math.sqrt(2 / 3 * 5 / 4) * t.ppf(0.975, 4)
    assert found.value == abs(value)
    assert found.low == pytest.approx(abs(value) - half if low is None else low)
    assert found.high == pytest.approx(abs(value) + half if high is None else high)


@given(st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3), min_size=2, max_size=8), st.data())
def test_no_depth_beats_the_best_and_the_random_one_lies_between(draws: list, data: st.DataObject) -> None:
    drawn = np.array(draws).T
    names = tuple(map(str, range(1, drawn.shape[1] + 1)))
    scores = Scores(names, drawn.mean(axis=0), (Source(5, drawn),), True)
    depths = {int(name): name for name in names}
    rows = {row.rule: row for row in verdicts(depths, {name: (name, name) for name in names}, scores)}
    regrets = [rows[name].regret for name in names]
    assert all(0 <= regret.low <= regret.value <= regret.high for regret in regrets)
    assert min(regret.value for regret in regrets) == 0
    assert rows[RANDOM].regret.value == pytest.approx(np.mean([regret.value for regret in regrets]), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_the_rank_correlation_is_scipys(pairs: list[tuple[int, int]]) -> None:
    one, two = np.array(pairs, float).T
    found = rank_correlation(one[None], two)[0]
    if len(set(one)) == 1 or len(set(two)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(one, two).statistic)


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
