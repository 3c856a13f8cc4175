"""Neighbours are exact, and their distances right to the last few bits, where the matrix product alone is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3prl_convexprune.convexity import NeighborGraph, knn
from s3prl_convexprune.errors import DataError
from tests.convexity import oracle


def check(points: np.ndarray, k: int) -> NeighborGraph:
    graph = NeighborGraph.build(points, k, n_threads=1)
    exact = oracle.distances(points)
    np.fill_diagonal(exact, np.inf)
    for i, row in enumerate(exact):
        expected = np.flatnonzero(row <= np.sort(row)[k - 1] * (1 + 1e-9))
        np.testing.assert_array_equal(np.sort(graph.neighbors(i)), expected)
        found = graph.lists.distances[graph.lists.indptr[i] : graph.lists.indptr[i + 1]]
        np.testing.assert_allclose(found, row[graph.neighbors(i)], rtol=1e-12)
        assert (np.diff(found) >= 0).all()
    return graph


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12, 1), (200, 3), (90, 768)])
def test_random(shape: tuple[int, int], dtype: type) -> None:
    check(np.random.default_rng(0).normal(size=shape).astype(dtype), 10)


@pytest.mark.parametrize(("shift", "spread"), [(1e4, 1e-2), (1e8, 1.0), (0.0, 1e-30), (0.0, 1e30), (-3e3, 1e3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_norms_and_near_points(shift: float, spread: float, dtype: type) -> None:
    """|x|^2 + |y|^2 - 2 x.y has no correct digit for most of these in float32, and few in float64."""
    points = (shift + spread * np.random.default_rng(1).normal(size=(200, 16))).astype(dtype)
    check(points, 5)


def test_tight_clusters_far_apart() -> None:
    """Distances within a cluster are a millionth of those between: below the resolution of the product."""
    rng = np.random.default_rng(2)
    points = np.repeat(rng.normal(size=(4, 32)), 80, axis=0) * 1e3 + 1e-3 * rng.normal(size=(320, 32))
    check(points, 10)
    check(points.astype(np.float32), 10)


def test_one_outlier_does_not_blur_the_rest() -> None:
    points = np.random.default_rng(3).normal(size=(300, 16))
    points[0] *= 1e9
    check(points, 10)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 8))
def test_ties_and_copies(seed: int, k: int) -> None:
    points = np.random.default_rng(seed).integers(0, 4, size=(30, 2)).astype(np.float32)
    check(points, k)


def test_hundreds_of_copies_outgrow_the_first_buffer() -> None:
    points = np.concatenate([np.zeros((700, 3)), np.random.default_rng(4).normal(size=(50, 3))])
    graph = NeighborGraph.build(points, 2)
    assert len(graph.neighbors(0)) == 699
    assert graph.lists.distances[: graph.lists.indptr[700]].max() == 0


def test_too_many_copies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "MAX_ENTRIES", 10_000)
    with pytest.raises(DataError, match="copies"):
        NeighborGraph.build(np.zeros((300, 3)), 2)


def test_edges_of_more_points_than_a_32_bit_square() -> None:
    """A ring of 70,000 points, each the neighbour of the one before it."""
    n = 70_000
    lists = knn.Neighbors(np.arange(n + 1), ((np.arange(n) + 1) % n).astype(np.int32), np.ones(n))
    edges = NeighborGraph(n, 1, lists).edges()
    assert (np.diff(edges.indptr) == 2).all()
    both_sides = np.sort(np.stack([np.arange(n) - 1, np.arange(n) + 1]) % n, axis=0).T
    np.testing.assert_array_equal(edges.indices.reshape(n, 2), both_sides)


def test_several_blocks_of_rows_and_columns() -> None:
    """More points than one tile of the product holds in either direction."""
    points = np.random.default_rng(5).normal(size=(2 * knn.COLUMNS + 77, 4)).astype(np.float32)
    graph = NeighborGraph.build(points, 3)
    for i in range(0, len(points), 97):
        row = np.linalg.norm(points.astype(float) - points[i].astype(float), axis=1)
        row[i] = np.inf
        assert set(graph.neighbors(i)) == set(np.argsort(row)[:3])
