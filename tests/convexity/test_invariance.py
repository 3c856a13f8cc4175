"""What must not change a score: order, place, orientation, unit, names, threads, and how the graph was come by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3prl_convexprune.convexity import GraphConvexity, NeighborGraph, graph_convexity


@pytest.fixture(scope="module")
def speechlike() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 6, 400)
    return rng.normal(size=(6, 24))[labels] * 0.8 + rng.normal(size=(400, 24)), labels


def same(one: GraphConvexity, two: GraphConvexity, tolerance: float = 1e-9) -> bool:
    values = [[r.score, r.pair_score, r.sem, r.disconnected, *r.per_class.values()] for r in (one, two)]
    return one.per_class.keys() == two.per_class.keys() and values[0] == pytest.approx(values[1], abs=tolerance)


def sorted_classes(result: GraphConvexity) -> list[float]:
    return [result.per_class[label] for label in sorted(result.per_class)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_order_of_rows(speechlike: tuple[np.ndarray, np.ndarray], dtype: type) -> None:
    points, labels = speechlike[0].astype(dtype), speechlike[1]
    shuffle = np.random.default_rng(0).permutation(len(points))
    one, two = graph_convexity(points, labels), graph_convexity(points[shuffle], labels[shuffle])
    assert sorted_classes(one) == pytest.approx(sorted_classes(two), abs=1e-10)
    assert one.sem == pytest.approx(two.sem, abs=1e-10)
    np.testing.assert_allclose(one.influence[shuffle], two.influence, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 5))
def test_order_of_rows_where_paths_tie(seed: int, k: int) -> None:
    """Lattice points with copies: most paths have rivals of the same length."""
    rng = np.random.default_rng(seed)
    points, labels = rng.integers(0, 5, size=(40, 2)).astype(float), rng.integers(0, 3, 40)
    shuffle = rng.permutation(40)
    one, two = graph_convexity(points, labels, k), graph_convexity(points[shuffle], labels[shuffle], k)
    assert sorted_classes(one) == pytest.approx(sorted_classes(two), abs=1e-10)
    assert one.disconnected == pytest.approx(two.disconnected, abs=1e-12)


@pytest.mark.parametrize("name", ["shifted", "turned", "scaled", "shrunk"])
def test_place_orientation_and_unit(speechlike: tuple[np.ndarray, np.ndarray], name: str) -> None:
    points, labels = speechlike
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(24, 24)))[0]
    moved = {"shifted": points + 1e4, "turned": points @ turn, "scaled": points * 3e7, "shrunk": points * 7e-8}[name]
    assert same(graph_convexity(points, labels), graph_convexity(moved, labels))


def test_grid_turned_and_scaled() -> None:
    """On a grid nearly every path has rivals, and turning it makes their lengths differ in the last bits."""
    x, y = np.meshgrid(np.arange(15.0), np.arange(15.0))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    labels = np.random.default_rng(0).integers(0, 4, len(points))
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    plain = graph_convexity(points, labels, 4)
    for moved in (points @ turn, points * 0.7, (points + 100) @ turn * 3.3):
        assert same(plain, graph_convexity(moved, labels, 4))


def test_kinds_of_label(speechlike: tuple[np.ndarray, np.ndarray]) -> None:
    points, labels = speechlike
    plain = graph_convexity(points, labels)
    for rename in (
        str,
        lambda c: 10 * c - 30,
        lambda c: ("spk", int(c)),
        lambda c: c / 4,
        lambda c: [None, True, "x", b"y", -1, 2.5][c],
    ):
        renamed = [rename(c) for c in labels]
        result = graph_convexity(points, renamed)
        assert result.score == pytest.approx(plain.score, abs=1e-10)
        for label, name in zip(labels, renamed, strict=True):
            assert result.per_class[name] == pytest.approx(plain.per_class[label], abs=1e-10)


def test_threads(speechlike: tuple[np.ndarray, np.ndarray]) -> None:
    points, labels = speechlike
    assert same(graph_convexity(points, labels, n_threads=1), graph_convexity(points, labels, n_threads=3))


def test_one_graph_for_several_labelings_and_k(speechlike: tuple[np.ndarray, np.ndarray]) -> None:
    points, words = speechlike
    speakers = np.random.default_rng(5).integers(0, 30, len(points))
    graph = NeighborGraph.build(points, 12)
    for labels in (words, speakers):
        for k in (1, 5, 12):
            reused = graph_convexity(None, labels, k, graph=graph)
            assert same(reused, graph_convexity(points, labels, k))
            assert reused.settings["n_neighbors"] == k


def test_many_small_classes_are_searched_in_parts(
    speechlike: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound on memory splits the classes into several runs; the result is the same."""
    from s3prl_convexprune.convexity import paths

    points, _ = speechlike
    speakers = np.random.default_rng(6).integers(0, 90, len(points))
    whole = graph_convexity(points, speakers)
    monkeypatch.setattr(paths, "MAX_CREDITS", 7 * len(points))
    assert same(whole, graph_convexity(points, speakers))
