"""Choosing a layer: the three policies, the probabilities behind them, and results that travel as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from s3prl_convexprune.convexity import GraphConvexity, choose_layer, graph_convexity, probability_best
from s3prl_convexprune.errors import ConfigError, DataError

POINTS = np.random.default_rng(0).normal(size=(60, 4))
MEASURED = graph_convexity(POINTS, ["a", "b", "c"] * 20)


def layer(score: float, influence: list[float], sampling_sem: float = 0.0) -> GraphConvexity:
    return replace(MEASURED, score=score, influence=np.array(influence), sampling_sem=sampling_sem)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([1.0, 3.0, 2.0], 1), ([3.0, 3.0, 1.0], 0), ([5.0], 0), ([1.0, 2.0, 2.0, 2.0], 1), (np.array([1, 9, 3]), 1)],
)
def test_argmax_takes_the_shallowest_of_equals(scores: list[float], expected: int) -> None:
    assert choose_layer(scores) == expected


@pytest.mark.parametrize(("max_cost", "expected"), [(1.0, 3), (0.9, 2), (0.6, 1), (0.5, 1), (0.49, 0), (0.25, 0)])
def test_budget(max_cost: float, expected: int) -> None:
    costs = [0.25, 0.5, 0.75, 1.0]
    assert choose_layer([60.0, 70.0, 80.0, 90.0], "budget", costs=costs, max_cost=max_cost) == expected


def test_budget_is_not_always_the_deepest_affordable() -> None:
    assert choose_layer([60.0, 95.0, 80.0, 99.0], "budget", costs=[0.25, 0.5, 0.75, 1.0], max_cost=0.8) == 1


@pytest.mark.parametrize(("gap", "expected"), [(0.0, 0), (0.9, 0), (1.1, 1), (5.0, 1)])
def test_within_sem_is_about_the_difference(gap: float, expected: int) -> None:
    """Both layers are uncertain by 5, but together: their difference is uncertain by 1 only."""
    shallow, deep = layer(80.0 - gap, [5.0, 0.0]), layer(80.0, [5.0, 1.0])
    assert choose_layer([shallow, deep], "within-sem") == expected


def test_within_sem_without_any_uncertainty_is_argmax() -> None:
    assert choose_layer([layer(99.0, [0.0]), layer(100.0, [0.0]), layer(100.0, [0.0])], "within-sem") == 1


def test_sampling_error_widens_within_sem() -> None:
    shallow, deep = layer(78.0, [1.0, 0.0]), layer(80.0, [1.0, 1.0])
    assert choose_layer([shallow, deep], "within-sem") == 1
    wider = [replace(r, sampling_sem=2.0) for r in (shallow, deep)]
    assert choose_layer(wider, "within-sem") == 0


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_probability_of_two_layers_is_the_normal_one(gap: float) -> None:
    one, two = layer(70.0, [3.0, 1.0, 0.0]), layer(70.0 + gap, [3.0, 0.0, 2.0])
    expected = norm.cdf(gap / np.sqrt(5))
    found = probability_best([one, two], seed=0)
    assert found.sum() == pytest.approx(1)
    assert found[1] == pytest.approx(expected, abs=0.01)


def test_probability_is_seeded_and_certain_when_nothing_is_random() -> None:
    layers = [layer(s, [1.0, 0.2 * s, -1.0]) for s in (1.0, 1.2, 1.1)]
    np.testing.assert_array_equal(probability_best(layers, seed=1), probability_best(layers, seed=1))
    sure = [layer(s, [0.0, 0.0]) for s in (1.0, 3.0, 3.0, 2.0)]
    assert probability_best(sure, seed=0).tolist() == [0.0, 1.0, 0.0, 0.0]


def test_more_layers_than_points() -> None:
    assert probability_best([layer(50.0 + i, [0.1 * i]) for i in range(5)], seed=0).sum() == pytest.approx(1)


def test_results_travel_as_json() -> None:
    """What another machine reads back gives the same choices and probabilities."""
    labels = ["yes", "no", -3, 2.5, True] * 12
    results = [graph_convexity(POINTS + i * np.eye(4)[0], labels, k) for i, k in enumerate((3, 5, 8))]
    text = json.dumps([r.to_dict() for r in results])
    back = [GraphConvexity.from_dict(record) for record in json.loads(text)]
    for one, two in zip(results, back, strict=True):
        assert one.per_class == two.per_class
        assert one.settings == two.settings
        assert (one.score, one.sem, one.n_pairs, one.excluded) == (two.score, two.sem, two.n_pairs, two.excluded)
        np.testing.assert_allclose(one.influence, two.influence, rtol=1e-6)
    assert choose_layer(results, "within-sem") == choose_layer(back, "within-sem")
    np.testing.assert_allclose(probability_best(results, 0), probability_best(back, 0), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0, 2.0], "argmx"), ConfigError, "did you mean 'argmax'"),
        (([],), DataError, "no layers"),
        (([1.0, float("nan")],), DataError, "layer 1 is NaN"),
        (([1.0, 2.0], "within-sem"), DataError, "GraphConvexity"),
        (([1.0, 2.0], "budget"), ConfigError, "needs costs"),
        (([layer(1.0, [1.0]), layer(2.0, [1.0, 2.0])], "within-sem"), DataError, "same points"),
    ],
)
def test_bad_choices(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        choose_layer(*arguments)


@pytest.mark.parametrize(
    ("costs", "max_cost", "message"),
    [
        ([0.5], 0.7, "one cost per layer"),
        ([0.5, 1.5], 0.7, "shares"),
        ([0.0, 1.0], 0.7, "shares"),
        ([0.5, 1.0], 0.4, "cheapest costs 0.5"),
    ],
)
def test_bad_budgets(costs: list[float], max_cost: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_layer([1.0, 2.0], "budget", costs=costs, max_cost=max_cost)


def test_a_damaged_record() -> None:
    record = MEASURED.to_dict()
    del record["influence"]
    with pytest.raises(DataError, match="influence"):
        GraphConvexity.from_dict(record)
    with pytest.raises(DataError, match="not a graph convexity record"):
        GraphConvexity.from_dict({**MEASURED.to_dict(), "score": None})
