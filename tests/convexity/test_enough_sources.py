"""`max_sources="auto"` against all sources: it adds little to the error, claims what is true, and repeats itself."""

from __future__ import annotations

import numpy as np
import pytest
from tqdm import tqdm

from s3prl_convexprune.convexity import GraphConvexity, NeighborGraph, graph_convexity, paths
from s3prl_convexprune.errors import DataError

SIZES = (260, 260, 260, 20, 9, 2)
CODES = np.repeat(np.arange(len(SIZES), dtype=np.int32), SIZES)


@pytest.fixture(scope="module")
def graph() -> NeighborGraph:
    rng = np.random.default_rng(0)
    return NeighborGraph.build(0.7 * rng.normal(size=(len(SIZES), 8))[CODES] + rng.normal(size=(len(CODES), 8)), 8)


@pytest.fixture(scope="module")
def everything(graph: NeighborGraph) -> GraphConvexity:
    return graph_convexity(None, CODES, 8, graph=graph)


@pytest.fixture(scope="module")
def drawn(graph: NeighborGraph) -> list[GraphConvexity]:
    return [graph_convexity(None, CODES, 8, graph=graph, max_sources="auto", seed=seed) for seed in range(40)]


def test_sources_in_two_goes_are_those_in_one(graph: NeighborGraph) -> None:
    search, rng = paths.search_with(graph.edges(), CODES), np.random.default_rng(1)
    sources = np.concatenate([rng.permutation(np.flatnonzero(c == CODES))[:40] for c in range(4)])
    first, second = sources[::2], sources[1::2]
    with tqdm(disable=True) as bar:
        at_once = search.sums(sources, 0, 9, 1, bar)
        before = dict(search.sums(first, 0, 9, 1, bar))
        after = dict(search.sums(second, 0, 9, 1, bar, before=first))
    for c, sums in at_once:
        together = before[c].with_more(after[c])
        for field, value in vars(sums).items():
            if field != "interior":  # of paths that tie, another one may be credited
                np.testing.assert_allclose(getattr(together, field), value, rtol=1e-12, err_msg=field)
        np.testing.assert_allclose(together.interior.sum(), sums.interior.sum(), rtol=0.02)


def test_the_error_of_a_class_grows_by_less_than_a_tenth(
    drawn: list[GraphConvexity], everything: GraphConvexity
) -> None:
    for label in (0, 1, 2):
        grown = np.array([result.per_class_sem[label] for result in drawn]) / everything.per_class_sem[label]
        assert 0.95 < grown.mean() < 1.1 and np.quantile(grown, 0.9) < 1.2
    assert all(result.settings["n_sources"] < 0.6 * len(CODES) for result in drawn)


def test_scores_are_off_by_no_more_than_is_claimed(drawn: list[GraphConvexity], everything: GraphConvexity) -> None:
    off = np.array([result.score for result in drawn]) - everything.score
    claim = np.sqrt(np.mean([result.sampling_sem**2 for result in drawn]))
    assert abs(off.mean()) < 4 * off.std(ddof=1) / np.sqrt(len(off))
    assert 0.4 * claim < off.std(ddof=1) < 1.3 * claim


def test_small_classes_give_all_their_points(drawn: list[GraphConvexity], everything: GraphConvexity) -> None:
    for label in (3, 4, 5):
        scores = [result.per_class[label] for result in drawn]
        np.testing.assert_allclose(scores, everything.per_class[label], rtol=1e-12)
    small = CODES >= 4
    points = np.random.default_rng(2).normal(size=(small.sum(), 3))
    auto, exact = (graph_convexity(points, CODES[small], 3, max_sources=most) for most in ("auto", None))
    assert (auto.score, auto.sampling_sem) == (pytest.approx(exact.score), 0.0)


@pytest.mark.parametrize("most", ["auto", None, 20])
def test_a_seed_gives_one_result_whatever_the_threads_and_the_memory(
    most: int | None, graph: NeighborGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = graph_convexity(None, CODES, 8, graph=graph, max_sources=most, n_threads=1)
    again = graph_convexity(None, CODES, 8, graph=graph, max_sources=most, n_threads=3)
    assert first.to_dict() | {"compile_seconds": 0} == again.to_dict() | {"compile_seconds": 0}
    monkeypatch.setattr(paths, "MAX_CREDITS", 2 * len(CODES))
    by_pairs = graph_convexity(None, CODES, 8, graph=graph, max_sources=most)
    assert by_pairs.per_class == first.per_class and by_pairs.settings == first.settings


def test_errors_of_groups_start_from_the_same_sources(graph: NeighborGraph) -> None:
    codes = CODES[CODES < 4]
    points = np.random.default_rng(3).normal(size=(len(codes), 4))
    result = graph_convexity(points, codes, 5, groups=np.arange(len(codes)) % 6, max_sources="auto")
    alone = graph_convexity(points, codes, 5, max_sources="auto")
    assert result.score == pytest.approx(alone.score) and result.settings["n_sources"] == alone.settings["n_sources"]
    assert result.sem > 0 and result.sampling_sem == pytest.approx(alone.sampling_sem)


@pytest.mark.parametrize("most", ["autos", 2, 0, -1])
def test_neither_auto_nor_a_number_of_sources(most: object, graph: NeighborGraph) -> None:
    with pytest.raises(DataError, match="at least 3, or 'auto'"):
        graph_convexity(None, CODES, 8, graph=graph, max_sources=most)  # type: ignore[arg-type]
