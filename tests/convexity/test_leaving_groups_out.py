"""Errors by groups: what is left out is really left out, and groups that cannot be left out are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from s3prl_convexprune.convexity import GraphConvexity, NeighborGraph, choose_layer, graph_convexity, probability_best
from s3prl_convexprune.convexity.groups import FEWEST, as_blocks
from s3prl_convexprune.convexity.subgraph import subgraph, with_margin
from s3prl_convexprune.errors import DataError


def speech(seed: int = 0, speakers: int = 6, a_class: int = 7, classes: int = 3, spread: float = 0.8, dims: int = 5):
    """Points, words and speakers: every speaker says every word, and has an offset of their own."""
    rng = np.random.default_rng(seed)
    n = speakers * a_class * classes
    words, people = np.arange(n) % classes, np.arange(n) // classes % speakers
    means = np.random.default_rng(99).normal(size=(classes, dims))
    points = means[words] + spread * rng.normal(size=(speakers, dims))[people] + rng.normal(size=(n, dims))
    return points, words, people


GRIDS = np.random.default_rng(1).integers(0, 4, size=(126, 2)).astype(float)


@pytest.mark.parametrize("spread", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("points", ["floats", "float32", "tied"])
def test_each_score_is_the_one_of_the_remaining_points_alone(spread: float, points: str) -> None:
    given, words, people = speech(spread=spread)
    if points == "tied":
        given = GRIDS + 10 * spread * people[:, None]
    if points == "float32":
        given = given.astype(np.float32)
    result = graph_convexity(given, words, 4, groups=people)
    alone = [graph_convexity(given[people != g], words[people != g], 4) for g in range(6)]
    scores = np.array([one.score for one in alone])
    expected = (scores - scores.mean()) * np.sqrt(5 / 6)
    np.testing.assert_allclose(np.sort(result.influence), np.sort(expected), atol=1e-9)
    assert result.sem == pytest.approx(np.sqrt(5 / 6 * ((scores - scores.mean()) ** 2).sum()), abs=1e-9)
    by_class = np.array([list(one.per_class.values()) for one in alone])
    spread_of_class = np.sqrt(5 / 6 * ((by_class - by_class.mean(axis=0)) ** 2).sum(axis=0))
    assert list(result.per_class_sem.values()) == pytest.approx(spread_of_class, abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_graph_of_the_rest_is_the_one_built_of_the_rest(k: int) -> None:
    points, _, people = speech(spread=5.0)  # far apart, so that a speaker's neighbours are the same speaker's
    for given in (points, GRIDS):
        graph = with_margin(given, people, k, 1)
        for g in range(6):
            kept = people != g
            one, other = subgraph(graph, given, kept, k, 1), NeighborGraph.build(given[kept], k)
            for ours, theirs in zip(vars(one.edges()).values(), vars(other.edges()).values(), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_lists_without_a_margin_are_measured_anew_or_refused() -> None:
    points, words, people = speech(spread=0.0)
    tight = NeighborGraph.build(points, 4)
    assert graph_convexity(points, words, 4, groups=people, graph=tight).sem == pytest.approx(
        graph_convexity(points, words, 4, groups=people).sem
    )
    wide = NeighborGraph.build(points, 100)
    assert graph_convexity(None, words, 4, groups=people, graph=wide).sem == pytest.approx(
        graph_convexity(points, words, 4, groups=people).sem
    )
    with pytest.raises(DataError, match="give the points too"):
        graph_convexity(None, words, 4, groups=people, graph=tight)


def test_the_score_is_that_without_groups_and_the_plain_error_stays() -> None:
    points, words, people = speech()
    plain, grouped = graph_convexity(points, words, 4), graph_convexity(points, words, 4, groups=people)
    assert grouped.score == plain.score and grouped.per_class == plain.per_class
    assert grouped.plain_sem == plain.plain_sem == plain.sem != grouped.sem
    assert plain.degrees is None and grouped.degrees == 5
    reach = stats.t.ppf(0.975, 5) * grouped.sem
    assert grouped.interval() == pytest.approx((grouped.score - reach, grouped.score + reach))
    assert plain.interval(0.9)[1] == pytest.approx(plain.score + stats.norm.ppf(0.95) * plain.sem)


def test_blocks_hold_whole_groups_and_differ_by_one_at_most() -> None:
    words, people = np.arange(600) % 3, np.arange(600) // 3 % 50
    blocks = as_blocks(people, words, [0, 1, 2])
    assert blocks.n_groups == 50 and blocks.n_blocks == 20 and blocks.degrees == 19
    block_of = {(int(g), int(b)) for g, b in zip(people, blocks.of, strict=True)}
    assert len(block_of) == 50
    assert set(np.bincount([b for _, b in block_of])) == {2, 3}


def test_groups_inside_the_classes_are_compared_within_their_class() -> None:
    """Sessions of speakers, where speakers are the classes: the errors of the classes' means add up."""
    rng = np.random.default_rng(3)
    classes = np.repeat([0, 1], 40)
    sessions = np.arange(80) // 10
    points = classes[:, None] * 1.5 + rng.normal(size=(80, 4))
    result = graph_convexity(points, classes, 4, groups=sessions)
    scores = np.array(
        [graph_convexity(points[sessions != g], classes[sessions != g], 4).score for g in range(8)]
    ).reshape(2, 4)
    variance = 3 / 4 * ((scores - scores.mean(axis=1, keepdims=True)) ** 2).sum()
    assert result.sem == pytest.approx(np.sqrt(variance), abs=1e-9) and result.degrees == 6


def test_the_errors_difference_of_two_layers_is_the_differences_error() -> None:
    points, words, people = speech()
    layers = [points, points + 0.5 * np.random.default_rng(5).normal(size=points.shape)]
    one, two = (graph_convexity(layer, words, 4, groups=people) for layer in layers)
    gaps = []
    for g in range(6):
        kept = people != g
        gaps.append(np.subtract(*(graph_convexity(layer[kept], words[kept], 4).score for layer in layers)))
    expected = np.sqrt(5 / 6 * ((gaps - np.mean(gaps)) ** 2).sum())
    assert np.linalg.norm(one.influence - two.influence) == pytest.approx(expected, abs=1e-9)
    with pytest.raises(DataError, match="same points"):
        probability_best([one, graph_convexity(layers[1], words, 4)])


def test_too_few_groups_give_no_number() -> None:
    points, words, people = speech(speakers=4)
    assert FEWEST == 5
    result = graph_convexity(points, words, 4, groups=people)
    assert np.isnan(result.sem) and len(result.influence) == 0 and np.isnan(list(result.per_class_sem.values())).all()
    assert result.plain_sem > 0
    for ask in (lambda: probability_best([result, result]), lambda: choose_layer([result, result], "within-sem")):
        with pytest.raises(DataError, match="4 groups are too few .* at least 5"):
            ask()
    back = GraphConvexity.from_dict(json.loads(json.dumps(result.to_dict())))
    assert np.isnan(back.sem) and back.degrees == 3


@pytest.mark.parametrize(
    ("groups", "options", "message"),
    [
        (["one"] * 126, {}, "every point is of the group 'one'"),
        (np.arange(126) % 3, {}, "the groups are the labels themselves"),
        (np.where(np.arange(126) % 3 == 0, 9, np.arange(126) // 3 % 6), {}, "all points of class 0 are of one group"),
        (np.arange(125), {}, "one group a point is needed: 126 points but 125 groups"),
        ([[]] * 126, {}, "groups.0. is a list"),
        (np.arange(126) // 3 % 6, {"n_blocks": 7}, "6 groups make 2 to 6 blocks, not 7"),
        (np.arange(126) // 3 % 6, {"n_blocks": 1}, "6 groups make 2 to 6 blocks, not 1"),
        (np.where(np.arange(126) < 123, np.arange(126) // 63, 2 + np.arange(126) % 3), {"n_neighbors": 70}, "are left"),
    ],
)
def test_groups_that_cannot_be_left_out(groups, options, message) -> None:
    points, words, _ = speech()
    with pytest.raises(DataError, match=message):
        graph_convexity(points, words, **{"n_neighbors": 4, **options}, groups=groups)


def test_a_class_that_one_group_nearly_owns() -> None:
    points, words, people = speech()
    mine = np.where((words == 0) & (np.arange(126) != 3), 0, people)
    with pytest.raises(DataError, match="class 0 has less than two points"):
        graph_convexity(points, words, 4, groups=mine)


def coverage(speakers: int, draws: int, seed: int = 0) -> float:
    """How often the 95 % interval holds the mean score over all draws of speakers."""
    results = []
    for draw in range(draws):
        points, words, people = speech(seed + draw, speakers)
        results.append(graph_convexity(points, words, 5, groups=people, n_threads=1))
    truth = np.mean([result.score for result in results])
    return float(np.mean([low <= truth <= high for low, high in (result.interval() for result in results)]))


def test_intervals_hold_what_they_say_where_points_come_in_groups() -> None:
    """95 % intervals from ten speakers; 120 draws tell their coverage to 2 points. benchmarks/coverage has more."""
    assert 0.90 <= coverage(10, 120) <= 0.99
