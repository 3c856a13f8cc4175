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


def test_sampled_pairs() -> None:
    """With 300 of 3540 pairs a class the package errs by chance, by as much as its sample allows."""
    points, labels = points_and_labels(240, 1)
    np.random.seed(0)
    _, classes = reference.compute_graph_convexity(points, labels, max_n_paths=300)
    ours = graph_convexity(points, labels)
    for label, value in classes.items():
        assert ours.per_class[label] == pytest.approx(value, abs=4 * 50 / np.sqrt(300))
    assert ours.score == pytest.approx(np.mean(list(classes.values())), abs=4 * 50 / np.sqrt(4 * 300))
