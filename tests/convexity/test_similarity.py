"""Layer similarity and separability against their definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from s3prl_convexprune.convexity import NeighborGraph, knn_accuracy, linear_cka, mean_cosine, mutual_knn, probe_accuracy
from s3prl_convexprune.convexity.folds import group_folds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 12))
Y = X @ RNG.normal(size=(12, 7)) + RNG.normal(size=(80, 7))
LABELS = RNG.integers(0, 4, 80)
CLASSY = X + 2 * RNG.normal(size=(4, 12))[LABELS]


@pytest.mark.parametrize(("n", "shift"), [(80, 0.0), (80, 50.0), (9, 0.0)])
def test_cka_is_the_normalised_hsic(n: int, shift: float) -> None:
    """Both ways of computing it (by features, or by points where these are fewer) give tr(KHLH)/…"""
    x, y = X[:n] + shift, Y[:n]
    centre = np.eye(n) - 1 / n
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    expected = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y) == pytest.approx(expected)
    assert linear_cka(y, x) == pytest.approx(expected)


def test_cka_ignores_rotation_shift_and_scale() -> None:
    turn = np.linalg.qr(RNG.normal(size=(12, 12)))[0]
    assert linear_cka(X, 3 * X @ turn + 7) == pytest.approx(1)
    assert linear_cka(X, Y) < 0.99


def test_mean_cosine() -> None:
    assert mean_cosine(X, 5 * X) == pytest.approx(1)
    assert mean_cosine(X, -X) == pytest.approx(-1)
    assert mean_cosine([[1.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [3.0, 3.0]]) == pytest.approx(np.sqrt(0.5) / 2)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_mutual_knn_counts_common_neighbours(k: int) -> None:
    sets = [NearestNeighbors(n_neighbors=k).fit(a).kneighbors(return_distance=False) for a in (X, Y)]
    expected = np.mean([len(set(a) & set(b)) / k for a, b in zip(*sets, strict=True)])
    assert mutual_knn(X, Y, k) == pytest.approx(expected)
    assert mutual_knn(NeighborGraph.build(X, 20), NeighborGraph.build(Y, 25), k) == pytest.approx(expected)
    assert mutual_knn(X, 3 * X + 1, k) == 1.0


@pytest.mark.parametrize("k", [1, 4])
def test_knn_accuracy_leaves_the_point_out(k: int) -> None:
    """Against scikit-learn's vote on points where no vote is tied, and against lots drawn where one is."""
    outcomes = []
    for i in range(len(CLASSY)):
        rest = np.delete(np.arange(len(CLASSY)), i)
        vote = KNeighborsClassifier(k).fit(CLASSY[rest], LABELS[rest]).predict_proba(CLASSY[i : i + 1])[0]
        winners = np.flatnonzero(vote == vote.max())
        outcomes.append((LABELS[i] in winners) / len(winners))
    assert knn_accuracy(CLASSY, LABELS, k) == pytest.approx(100 * np.mean(outcomes))
    names = [f"word {c}" for c in LABELS]
    assert knn_accuracy(None, names, k, graph=NeighborGraph.build(CLASSY, 9)) == pytest.approx(100 * np.mean(outcomes))


def test_a_probe_on_groups_apart_cannot_use_who_speaks() -> None:
    """Points show their speaker alone, who mostly has one class: folds that share speakers know it."""
    speakers = np.repeat(np.arange(12), 10)
    labels = np.where(RNG.random(120) < 0.9, speakers % 2, 1 - speakers % 2)
    points = 3 * RNG.normal(size=(12, 30))[speakers] + RNG.normal(size=(120, 30))
    assert probe_accuracy(points, labels) > 80
    assert probe_accuracy(points, labels, groups=speakers) < 70
    codes = np.array([list(dict.fromkeys(labels.tolist())).index(label) for label in labels.tolist()])
    right = 0
    for test in group_folds(codes, speakers, [0, 1], 4, seed=1):
        train = np.setdiff1d(np.arange(120), test)
        scaler = StandardScaler().fit(points[train])
        probe = LogisticRegression(max_iter=1000).fit(scaler.transform(points[train]), codes[train])
        right += (probe.predict(scaler.transform(points[test])) == codes[test]).sum()
    assert probe_accuracy(points, labels, groups=speakers, folds=4, seed=1) == pytest.approx(100 * right / 120)


def test_probe_accuracy_is_that_of_held_out_points() -> None:
    right = 0
    codes = np.array([list(dict.fromkeys(LABELS)).index(label) for label in LABELS])
    for train, test in StratifiedKFold(5, shuffle=True, random_state=1).split(CLASSY, codes):
        scaler = StandardScaler().fit(CLASSY[train])
        probe = LogisticRegression(max_iter=1000).fit(scaler.transform(CLASSY[train]), codes[train])
        right += (probe.predict(scaler.transform(CLASSY[test])) == codes[test]).sum()
    assert probe_accuracy(CLASSY, LABELS, seed=1) == pytest.approx(100 * right / 80)
    assert probe_accuracy(CLASSY, LABELS, seed=2) == probe_accuracy(CLASSY, LABELS, seed=2)
    assert probe_accuracy(X, RNG.permutation(LABELS)) < 60 < probe_accuracy(CLASSY, LABELS)
