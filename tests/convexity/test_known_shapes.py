"""Shapes whose convexity follows from the definition by hand."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import NeighborGraph, graph_convexity
from s3prl_convexprune.errors import DataError


def test_separated_blobs_are_convex() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(60, 8)), 100 + rng.normal(size=(60, 8))])
    result = graph_convexity(points, ["left"] * 60 + ["right"] * 60, 10)
    assert result.per_class == {"left": 100.0, "right": 100.0}
    assert result.score == result.pair_score == 100.0
    assert result.sem == 0.0
    assert result.disconnected == 0.0


def test_ring_cut_by_another_class() -> None:
    """Forty points on a circle, class a but for one b at each pole: half of the pairs of a pass a pole.

    Two of a that are s steps apart on the same side have only a between them; on different sides one pole lies
    between, one of s - 1. Diametric pairs have two ways of equal length and equally many outsiders.
    """
    n = 40
    angle = 2 * np.pi * np.arange(n) / n
    labels = ["b" if i in (0, n // 2) else "a" for i in range(n)]
    expected = []
    for i in range(n):
        for j in range(n):
            if i == j or "b" in (labels[i], labels[j]):
                continue
            steps = min((i - j) % n, (j - i) % n)
            same_side = (i < n // 2) == (j < n // 2)
            expected.append(1.0 if same_side else (steps - 2) / (steps - 1))
    result = graph_convexity(np.stack([np.cos(angle), np.sin(angle)], axis=1), labels, 2)
    assert result.per_class["a"] == pytest.approx(100 * np.mean(expected))
    assert result.per_class["b"] == 0.0


def test_interleaved_lattice() -> None:
    """A line of alternating classes: s pairs of steps apart, 2 s - 1 points lie between and s - 1 are inside."""
    n = 30
    result = graph_convexity(np.arange(2.0 * n)[:, None], ["x", "y"] * n, 2)
    between = np.arange(1, n)
    # With two neighbours the ends also reach the point two steps off, which changes pairs that start there.
    inner = graph_convexity(np.arange(2.0 * n)[:, None], ["x", "y"] * n, 1)
    expected = 100 * np.average((between - 1) / (2 * between - 1), weights=n - between)
    assert inner.per_class["x"] == inner.per_class["y"] == pytest.approx(expected)
    assert result.score > inner.score


def test_checkerboard_and_halves() -> None:
    """On a grid the classes of a checkerboard are never convex, its two halves always are."""
    x, y = np.meshgrid(np.arange(12), np.arange(12))
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    halves = graph_convexity(points, (points[:, 0] < 6).tolist(), 4)
    checkers = graph_convexity(points, ((x + y) % 2).ravel().tolist(), 4)
    assert halves.per_class == {True: 100.0, False: 100.0}
    assert checkers.score < 60


def test_a_copy_is_a_neighbour() -> None:
    """Two copies of one point and a third beside them, inside another class: edges between them have no interior."""
    points = np.concatenate([np.random.default_rng(1).normal(size=(50, 3)), np.zeros((2, 3)), [[1e-9, 0, 0]]])
    assert graph_convexity(points, ["other"] * 50 + ["twin"] * 3, 5).per_class["twin"] == 100.0


def test_a_class_of_copies_has_no_score() -> None:
    points = np.concatenate([np.random.default_rng(1).normal(size=(50, 3)), np.zeros((20, 3))])
    labels = ["a", "b"] * 25 + ["silence"] * 20
    result = graph_convexity(points, labels, 5, draw_pairs=100)
    assert result.excluded == ("silence",) and set(result.per_class) == {"a", "b"}
    assert result.n_pairs == 2 * 25 * 24
    graph = NeighborGraph.build(points, 9)
    assert graph_convexity(None, labels, 5, graph=graph).per_class == result.per_class
    with pytest.raises(DataError, match="every class are copies"):
        graph_convexity(np.repeat([[0.0], [1.0]], 10, axis=0), ["a"] * 10 + ["b"] * 10, 3)


def test_a_class_of_one_is_named_and_left_out() -> None:
    points = np.random.default_rng(2).normal(size=(21, 3))
    result = graph_convexity(points, ["a"] * 10 + ["b"] * 10 + ["alone"], 4)
    assert result.excluded == ("alone",)
    assert set(result.per_class) == {"a", "b"}
    assert np.isfinite([result.score, result.pair_score, result.sem]).all()


def test_both_means_are_stated() -> None:
    """Two aggregates that differ when classes differ in size: by class and by pair."""
    rng = np.random.default_rng(3)
    labels = np.repeat(["many", "few", "two"], [80, 12, 2])
    result = graph_convexity(rng.normal(size=(94, 3)), labels, 5)
    values, pairs = (np.array([result.per_class[k] for k in ("many", "few", "two")]), np.array([80 * 79, 12 * 11, 2]))
    assert result.score == pytest.approx(values.mean())
    assert result.pair_score == pytest.approx((values * pairs).sum() / pairs.sum())
    assert result.n_pairs == pairs.sum()
    assert np.isnan(result.per_class_sem["two"]) and np.isfinite(result.sem)
