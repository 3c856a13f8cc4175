"""Every pair's score equals the definition's, computed with networkx."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3prl_convexprune.convexity import NeighborGraph, graph_convexity
from s3prl_convexprune.convexity.inputs import as_codes
from s3prl_convexprune.convexity.paths import pair_shares
from tests.convexity import oracle


def engine_shares(points: np.ndarray, labels: list, k: int) -> np.ndarray:
    codes, _ = as_codes(labels, len(points))
    return pair_shares(NeighborGraph.build(points, k, n_threads=1).edges(), codes)


@pytest.mark.parametrize("k", [1, 2, 5, 10])
@pytest.mark.parametrize("n_classes", [2, 4, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_points(k: int, n_classes: int, dtype: type) -> None:
    rng = np.random.default_rng(k + n_classes)
    points = rng.normal(size=(61, 5)).astype(dtype)
    labels = rng.integers(0, n_classes, 61).tolist()
    expected = oracle.pair_shares(points, labels, k)
    np.testing.assert_array_equal(engine_shares(points, labels, k), expected)
    result = graph_convexity(points, labels, k, n_threads=1)
    assert result.pair_score == pytest.approx(100 * np.nanmean(expected), abs=1e-9)
    for label, value in result.per_class.items():
        rows = [i for i, other in enumerate(labels) if other == label]
        assert value == pytest.approx(100 * np.nanmean(expected[rows]), abs=1e-9)
    assert result.score == pytest.approx(np.mean(list(result.per_class.values())), abs=1e-9)
    assert result.n_pairs == np.isfinite(expected).sum()


def test_disconnected_blobs_count_as_zero() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(20, 3)), 1e3 + rng.normal(size=(20, 3))])
    labels = (["a"] * 10 + ["b"] * 10) * 2
    expected = oracle.pair_shares(points, labels, 3)
    np.testing.assert_array_equal(engine_shares(points, labels, 3), expected)
    assert graph_convexity(points, labels, 3).disconnected == pytest.approx(400 / 760)


lattice_points = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=5, max_size=8)


@settings(max_examples=150, deadline=None)
@given(points=lattice_points, data=st.data())
def test_ties_and_copies(points: list[tuple[int, int]], data: st.DataObject) -> None:
    """Lattice points tie, repeat and fall apart; every simple path is enumerated to find the right one."""
    k = data.draw(st.integers(1, 3))
    labels = data.draw(st.lists(st.sampled_from(["yes", "no", -7]), min_size=len(points), max_size=len(points)))
    shares = engine_shares(np.array(points, dtype=float), labels, k)
    allowed = oracle.tied_pair_shares(np.array(points), labels, k)
    for (a, b), values in allowed.items():
        assert any(shares[a, b] == pytest.approx(value, abs=1e-12) for value in values), (a, b, shares[a, b], values)
    assert np.isfinite(shares).sum() == len(allowed)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), k=st.integers(1, 6), n=st.integers(8, 30), seed=st.integers(0, 2**32 - 1))
def test_any_labeling(data: st.DataObject, k: int, n: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 2))
    labels = data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    np.testing.assert_array_equal(engine_shares(points, labels, k), oracle.pair_shares(points, labels, k))


@pytest.mark.parametrize("n", [1500, 5000])
def test_paths_of_thousands_of_edges(n: int) -> None:
    """A chain a b c b c … b c a: its paths outgrow the count of edges that most graphs make do with."""
    labels = ["a"] + ["b", "c"] * (n // 2 - 1) + ["a"]
    result = graph_convexity(np.arange(float(n))[:, None], labels, 1)
    # Between two of class b that are s steps apart, 2 s - 1 points lie between, s - 1 of them inside.
    steps = np.arange(1, n // 2 - 1)
    expected = 100 * np.average((steps - 1) / (2 * steps - 1), weights=n // 2 - 1 - steps)
    assert result.per_class["a"] == 0.0
    assert result.per_class["b"] == pytest.approx(expected, abs=1e-9)
