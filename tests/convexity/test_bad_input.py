"""Input that no number can honestly be computed from is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import (
    NeighborGraph,
    graph_convexity,
    knn_accuracy,
    linear_cka,
    mean_cosine,
    mutual_knn,
    probe_accuracy,
)
from s3prl_convexprune.errors import DataError

GOOD = np.random.default_rng(0).normal(size=(30, 4))
LABELS = ["a", "b"] * 15


def spoilt(value: float) -> np.ndarray:
    points = GOOD.copy()
    points[17, 2] = value
    return points


@pytest.mark.parametrize(
    ("points", "labels", "options", "message"),
    [
        (spoilt(np.nan), LABELS, {}, r"points\[17\] holds NaN"),
        (spoilt(np.inf), LABELS, {}, r"points\[17\] holds NaN or infinity"),
        (spoilt(-np.inf), LABELS, {}, r"points\[17\]"),
        (spoilt(1e200), LABELS, {}, "squares overflow"),
        (GOOD.ravel(), LABELS, {}, "must be a matrix"),
        (GOOD[:, :, None], LABELS, {}, "must be a matrix"),
        (GOOD.astype(str), LABELS, {}, "real numbers"),
        (GOOD + 1j, LABELS, {}, "real numbers"),
        (GOOD[:0], [], {}, "too few"),
        (GOOD, LABELS[:-1], {}, "30 points but 29 labels"),
        (GOOD, 7, {}, "one label a point"),
        (GOOD, [["a"], ["b"]] * 15, {}, r"labels\[0\] is a list"),
        (GOOD, [float("nan")] * 30, {}, "NaN"),
        (GOOD, np.array([0.0] * 29 + [np.nan]), {}, r"labels\[29\] is NaN"),
        (GOOD, ["a"] * 30, {}, "at least two classes"),
        (GOOD, list(range(30)), {}, "single point"),
        (GOOD, LABELS, {"n_neighbors": 30}, "at least 31 points; got 30"),
        (GOOD, LABELS, {"n_neighbors": 0}, "at least 1"),
        (GOOD, LABELS, {"max_sources": 2}, "at least 3"),
        (GOOD, LABELS, {"n_threads": 0}, "at least 1"),
        (GOOD[:20], LABELS[:20], {"graph": NeighborGraph.build(GOOD, 5), "n_neighbors": 5}, "built from 30 points"),
        (None, LABELS, {"graph": NeighborGraph.build(GOOD, 5), "n_neighbors": 6}, "holds 5 neighbours"),
        (None, LABELS, {}, "points or a graph"),
    ],
)
def test_graph_convexity(points: object, labels: object, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        graph_convexity(points, labels, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_cka(GOOD, GOOD[:9]), "30 and 9 points"),
        (lambda: linear_cka(GOOD, np.ones((30, 2))), "all points of a layer are the same"),
        (lambda: mean_cosine(GOOD, GOOD[:, :2]), "same width"),
        (lambda: mean_cosine(GOOD, np.zeros((30, 4))), r"second\[0\] is the zero vector"),
        (lambda: mutual_knn(GOOD, GOOD[:20], 3), "30 and 20 points"),
        (lambda: mutual_knn(GOOD, GOOD, 40), "at least 41 points"),
        (lambda: mutual_knn(GOOD, spoilt(np.nan)), "NaN"),
        (lambda: knn_accuracy(GOOD, LABELS[:3]), "one label a point"),
        (lambda: probe_accuracy(GOOD, ["a"] * 30), "two classes"),
        (lambda: probe_accuracy(GOOD, ["a"] * 27 + ["rare"] * 3), "'rare' has 3"),
    ],
)
def test_other_measures(call, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
