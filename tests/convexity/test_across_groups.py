"""Neighbours from other groups only: exact by the definition, left out for real, and refused where none could be."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import NeighborGraph, graph_convexity
from s3prl_convexprune.convexity.inputs import as_codes
from s3prl_convexprune.convexity.paths import pair_shares
from s3prl_convexprune.convexity.subgraph import subgraph, with_margin
from s3prl_convexprune.convexity.variations import variations
from s3prl_convexprune.errors import DataError
from tests.convexity import oracle
from tests.convexity.test_leaving_groups_out import speech


@pytest.mark.parametrize("k", [1, 4, 10])
@pytest.mark.parametrize("spread", [0.0, 5.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pair_is_scored_by_the_definition(k: int, spread: float, dtype: type) -> None:
    points, words, people = speech(a_class=4, spread=spread)
    points = points.astype(dtype)
    expected = oracle.pair_shares(points, words.tolist(), k, people.tolist())
    graph = NeighborGraph.build(points, k, across=[f"s{who}" for who in people], n_threads=1)
    np.testing.assert_array_equal(pair_shares(graph.edges(), as_codes(words, len(words))[0]), expected)
    result = graph_convexity(points, words, k, across=people)
    assert result.pair_score == pytest.approx(100 * np.nanmean(expected), abs=1e-9)
    assert graph_convexity(None, words, k, graph=graph).score == result.score


def test_tied_points_all_count() -> None:
    """On a grid with copies the lists are those of plain distances, ties with the K-th among them."""
    rng = np.random.default_rng(0)
    points, people = rng.integers(0, 3, (60, 2)).astype(float), np.repeat(np.arange(6), 10)
    graph, far = NeighborGraph.build(points, 3, across=people), oracle.distances(points)
    for i in range(60):
        others = np.flatnonzero(people != people[i])
        third = np.sort(far[i, others])[2]
        assert sorted(graph.neighbors(i)) == others[far[i, others] <= third].tolist()


def test_more_points_than_a_block_of_rows_and_of_columns() -> None:
    rng = np.random.default_rng(0)
    points, people = rng.normal(size=(2600, 4)), np.arange(2600) // 900
    graph = NeighborGraph.build(points, 5, across=people)
    for i in rng.integers(0, 2600, 40):
        others = np.flatnonzero(people != people[i])
        nearest = others[np.argsort(np.linalg.norm(points[others] - points[i], axis=1))[:5]]
        assert graph.neighbors(i).tolist() == nearest.tolist()


@pytest.mark.parametrize("spread", [0.0, 6.0])
def test_errors_leave_groups_out_for_real(spread: float) -> None:
    points, words, people = speech(spread=spread)
    result = graph_convexity(points, words, 4, groups=people, across=people)
    scores = [
        graph_convexity(points[people != g], words[people != g], 4, across=people[people != g]).score for g in range(6)
    ]
    assert result.sem == pytest.approx(np.sqrt(5 / 6 * ((scores - np.mean(scores)) ** 2).sum()), abs=1e-9)


@pytest.mark.parametrize("k", [1, 8])
def test_the_graph_of_the_rest_is_the_one_built_of_the_rest(k: int) -> None:
    points, _, people = speech(spread=5.0)
    sessions = np.arange(len(points)) % 9
    for graph in (with_margin(points, sessions, k, 1, owners=people), NeighborGraph.build(points, k, across=people)):
        kept = sessions != 3
        one, other = subgraph(graph, points, kept, k, 1), NeighborGraph.build(points[kept], k, across=people[kept])
        for ours, theirs in zip(vars(one.edges()).values(), vars(other.edges()).values(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_words_said_alike_by_voices_far_apart_are_convex_across() -> None:
    """Among all points every speaker is an island; across, a word's neighbours are the word as others say it."""
    rng = np.random.default_rng(0)
    words, people = np.arange(240) % 3, np.arange(240) // 3 % 8
    points = 6 * rng.normal(size=(3, 8))[words] + 40 * rng.normal(size=(8, 8))[people] + rng.normal(size=(240, 8))
    assert graph_convexity(points, words, 5, across=people).score > graph_convexity(points, words, 5).score + 20


def test_variations_are_across_too() -> None:
    points, words, people = speech()
    found = variations(points, words, 4, groups=people, across=people)
    for k in (5, 10):
        assert found[f"K={k}"] == pytest.approx(graph_convexity(points, words, k, across=people).score)
        assert found[f"K={k}"] != variations(points, words, 4)[f"K={k}"]


def test_copies_of_one_point_are_one_place_across_too() -> None:
    points, words, people = speech(a_class=4)
    points[words == 0] = 7.0
    assert (
        graph_convexity(points, words, 4, across=people).excluded == graph_convexity(points, words, 4).excluded == (0,)
    )


@pytest.mark.parametrize(
    "across, k, message",
    [
        (["one"] * 30, 3, "every point is of the group 'one'"),
        (["a", "b"] * 14, 3, "30 points but 28 groups"),
        ([1] * 15 + [2] * 15, 16, "only 15 points"),
        ([0] * 10 + [1] * 20, 3, "all points of class 0 are of one group"),
        ([0] * 10 + [1] * 10 + [2] * 10, 3, "of one group"),
    ],
)
def test_what_cannot_be_is_said(across: list, k: int, message: str) -> None:
    points = np.random.default_rng(0).normal(size=(30, 3))
    labels = [0] * 10 + [1] * 20 if "class 0" in message else [0] * 10 + [1] * 10 + [2] * 10
    if "only 15" in message:
        labels = [0, 1] * 15
    with pytest.raises(DataError, match=message):
        graph_convexity(points, labels, k, across=across)


def test_a_graph_says_itself_across_what_it_was_built() -> None:
    points, words, people = speech()
    with pytest.raises(DataError, match="give across to NeighborGraph.build"):
        graph_convexity(points, words, 4, across=people, graph=NeighborGraph.build(points, 4))
