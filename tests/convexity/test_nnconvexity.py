"""Agreement with the authors' package where it is right: labels 0..C-1, no copies, no ties, nothing excluded."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import graph_convexity

reference = pytest.importorskip("nnconvexity.graph")


def points_and_labels(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    return rng.normal(size=(4, 12))[labels] * 0.7 + rng.normal(size=(n, 12)), labels


@pytest.mark.parametrize("n_neighbors", [3, 10])
def test_every_pair(n_neighbors: int) -> None:
    """160 points in 4 classes have 1560 pairs a class, so the package scores all of them too."""
    points, labels = points_and_labels(160, n_neighbors)
    mean, classes = reference.compute_graph_convexity(points, labels, n_neighbors=n_neighbors)
    ours = graph_convexity(points, labels, n_neighbors)
    assert ours.pair_score == pytest.approx(mean, abs=0.0051)  # the package rounds to two decimals
    assert ours.per_class == pytest.approx(classes, abs=0.0051)


@pytest.mark.parametrize("draw_pairs", [None, 5000])
def test_the_mean_over_pairs_of_which_no_class_gives_more_than_5000(draw_pairs: int | None) -> None:
    """9900, 9900, 870 and 870 pairs: the package's mean lies between the mean over classes and that over pairs."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(4), [100, 100, 30, 30])
    points = rng.normal(size=(4, 8))[labels] * np.array([2.0, 0.2, 1.0, 0.2])[labels, None]
    points += rng.normal(size=points.shape)
    np.random.seed(0)
    mean, _ = reference.compute_graph_convexity(points, labels)
    ours = graph_convexity(points, labels, draw_pairs=draw_pairs)
    assert ours.capped_score == pytest.approx(mean, abs=4 * 50 / np.sqrt(11740))
    assert abs(ours.capped_score - ours.score) > 3 and abs(ours.capped_score - ours.pair_score) > 0.3


def test_drawing_every_pair_is_drawing_none() -> None:
    points, labels = points_and_labels(120, 5)
    all_drawn = graph_convexity(points, labels, draw_pairs=10**6)
    assert all_drawn.capped_score == pytest.approx(all_drawn.pair_score, abs=1e-9)
    assert all_drawn.capped_sampling_sem == 0


def test_the_error_of_drawing_pairs_is_what_draws_scatter_by() -> None:
    points, labels = points_and_labels(160, 6)
    draws = [graph_convexity(points, labels, draw_pairs=200, seed=seed) for seed in range(40)]
    scores = [draw.capped_score for draw in draws]
    assert np.mean(scores) == pytest.approx(draws[0].pair_score, abs=4 * np.std(scores) / np.sqrt(40))
    assert np.mean([draw.capped_sampling_sem for draw in draws]) == pytest.approx(np.std(scores), rel=0.4)
    assert draws[0].capped_score == graph_convexity(points, labels, draw_pairs=200, seed=0).capped_score
    assert len({draw.score for draw in draws}) == 1


def test_sampled_pairs() -> None:
    """With 300 of 3540 pairs a class the package errs by chance, by as much as its sample allows."""
    points, labels = points_and_labels(240, 1)
    np.random.seed(0)
    _, classes = reference.compute_graph_convexity(points, labels, max_n_paths=300)
    ours = graph_convexity(points, labels)
    for label, value in classes.items():
        assert ours.per_class[label] == pytest.approx(value, abs=4 * 50 / np.sqrt(300))
    assert ours.score == pytest.approx(np.mean(list(classes.values())), abs=4 * 50 / np.sqrt(4 * 300))
