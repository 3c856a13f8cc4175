"""Approximate neighbours: the recall they claim, the effect they claim, the same lists every time."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import NeighborGraph, graph_convexity
from s3prl_convexprune.convexity.approximate import ApproximateSearch
from s3prl_convexprune.convexity.approximation import effect_on_score
from s3prl_convexprune.convexity.variations import variations
from s3prl_convexprune.errors import ConfigError

pytest.importorskip("faiss")

N, K = 3000, 8
LABELS = np.arange(N) % 4


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """A 12-dimensional sheet in 80 dimensions, with noise in all."""
    rng = np.random.default_rng(0)
    sheet = rng.normal(size=(4, 12))[LABELS] + rng.normal(size=(N, 12))
    return (sheet @ rng.normal(size=(12, 80)) + 0.3 * rng.normal(size=(N, 80))).astype(np.float32)


@pytest.fixture(scope="module")
def exact(points: np.ndarray) -> NeighborGraph:
    return NeighborGraph.build(points, K)


def recall(graph: NeighborGraph, exact: NeighborGraph) -> float:
    return float(np.mean([np.isin(exact.neighbors(i), graph.neighbors(i)).mean() for i in range(N)]))


@pytest.mark.parametrize("wanted", [0.7, 0.95])
def test_what_it_claims_is_true(wanted: float, points: np.ndarray, exact: NeighborGraph) -> None:
    search = ApproximateSearch(wanted)
    graph = NeighborGraph.build(points, K, search=search)
    assert wanted <= search.recall < 1 and search.probes < search.lists
    assert recall(graph, exact) == pytest.approx(search.recall, abs=0.03)  # 256 points were asked
    lengths = np.linalg.norm(points[graph.lists.indices[: 5 * K]] - np.repeat(points[:5], K, axis=0), axis=1)
    np.testing.assert_allclose(graph.lists.distances[: 5 * K], lengths, rtol=1e-5)
    assert not (graph.lists.indices == np.repeat(np.arange(N), np.diff(graph.lists.indptr))).any()


@pytest.mark.parametrize(("wanted", "most"), [(0.7, 10.0), (0.95, 1.0)])
def test_the_effect_on_the_score_is_within_what_is_claimed(
    wanted: float, most: float, points: np.ndarray, exact: NeighborGraph
) -> None:
    search = ApproximateSearch(wanted)
    near = graph_convexity(points, LABELS, K, search=search, max_sources=100)
    off = near.score - graph_convexity(None, LABELS, K, graph=exact, max_sources=100).score
    claimed = effect_on_score(points, LABELS, search, K)
    assert claimed is not None and 0 < abs(off) <= abs(claimed.change) + 2 * claimed.error <= most


def test_the_effect_of_many_points_from_a_sample_of_them(monkeypatch: pytest.MonkeyPatch, points: np.ndarray) -> None:
    monkeypatch.setattr("s3prl_convexprune.convexity.approximation.SAMPLE", 1000)
    search = ApproximateSearch(0.8)
    near, exact = (graph_convexity(points, LABELS, K, max_sources=100, **how) for how in ({"search": search}, {}))
    claimed = effect_on_score(points, LABELS, search, K)
    assert claimed is not None and abs(near.score - exact.score) <= abs(claimed.change) + 2 * claimed.error


def test_looking_everywhere_is_exact(points: np.ndarray, exact: NeighborGraph) -> None:
    search = ApproximateSearch(1.0)
    graph = NeighborGraph.build(points[:400, :30], K, search=search)
    effect = effect_on_score(points[:400, :30], LABELS[:400], search, K)
    assert search.recall == 1.0 and effect is not None and effect.change == 0.0
    np.testing.assert_array_equal(graph.lists.indices, NeighborGraph.build(points[:400, :30], K).lists.indices)


def test_a_sample_in_which_nothing_is_missed_tells_nothing() -> None:
    """So few points that there is one list."""
    few = np.random.default_rng(2).normal(size=(60, 3))
    search = ApproximateSearch()
    NeighborGraph.build(few, 3, search=search)
    assert effect_on_score(few, LABELS[:60], search, 3) is None


def test_one_result_whatever_the_threads(points: np.ndarray) -> None:
    one, other = (NeighborGraph.build(points, K, n_threads=n, search=ApproximateSearch()) for n in (1, 3))
    for field in ("indptr", "indices", "distances"):
        np.testing.assert_array_equal(getattr(one.lists, field), getattr(other.lists, field))


def test_lists_with_fewer_points_than_neighbours_are_topped_up() -> None:
    """Tight clusters of six, of which one list holds hardly more than one: eleven neighbours lie in others."""
    rng = np.random.default_rng(1)
    points = np.repeat(rng.normal(size=(100, 5)), 6, axis=0) + 1e-3 * rng.normal(size=(600, 5))
    graph = NeighborGraph.build(points, 11, search=ApproximateSearch(0.01))
    assert np.diff(graph.lists.indptr).min() >= 11


def test_groups_and_variations_search_so_too(points: np.ndarray) -> None:
    few, labels = points[:900], LABELS[:900]
    search = ApproximateSearch()
    result = graph_convexity(few, labels, K, groups=np.arange(900) // 4 % 6, search=search)
    exact = graph_convexity(few, labels, K, groups=np.arange(900) // 4 % 6)
    assert search.recall < 1 and result.score == pytest.approx(exact.score, abs=3)
    assert result.sem == pytest.approx(exact.sem, rel=0.5)
    assert variations(few, labels, K, search=ApproximateSearch()).keys() == variations(few, labels, K).keys()


def test_across_groups_is_refused(points: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="across groups"):
        NeighborGraph.build(points, K, across=np.arange(N) % 3, search=ApproximateSearch())
