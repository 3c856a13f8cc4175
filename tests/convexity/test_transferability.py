"""LogME, H-score and TwoNN against direct maximisation, inverses, and manifolds of known dimension."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from s3prl_convexprune.convexity.folds import group_folds
from s3prl_convexprune.convexity.intrinsic_dimension import two_nn
from s3prl_convexprune.convexity.transferability import h_score, log_me
from s3prl_convexprune.errors import DataError

RNG = np.random.default_rng(0)
LABELS = np.array(["a", "b", "c"])[np.arange(60) % 3]


def points(n: int = 60, dim: int = 5, shift: float = 1.5) -> np.ndarray:
    centres = shift * RNG.normal(size=(3, dim))
    return centres[np.arange(n) % 3] + RNG.normal(size=(n, dim)) @ RNG.normal(size=(dim, dim)) / 2


@pytest.mark.parametrize("dim", [3, 20])
def test_logme_is_the_largest_evidence(dim):
    """The evidence is the density of a normal with covariance FF'/a + I/b; it is maximised by a general optimiser."""
    features = points(dim=dim)
    best = []
    for name in "abc":
        target = (name == LABELS).astype(float)

        def loss(logs, target=target):
            covariance = features @ features.T / np.exp(logs[0]) + np.eye(len(target)) / np.exp(logs[1])
            return -stats.multivariate_normal.logpdf(target, np.zeros(len(target)), covariance) / len(target)

        best.append(-minimize(loss, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10}).fun)
    assert log_me(features, LABELS) == pytest.approx(np.mean(best), abs=1e-5)


def test_logme_prefers_what_tells_the_classes_apart():
    assert log_me(points(shift=4), LABELS) > log_me(points(shift=1), LABELS) > log_me(points(shift=0), LABELS)


@pytest.mark.parametrize("n, dim", [(60, 200), (6, 3)])
def test_logme_of_few_points_is_a_number(n, dim):
    assert np.isfinite(log_me(points(n, dim), LABELS[:n]))


def between(features: np.ndarray) -> np.ndarray:
    means = np.stack([features[name == LABELS].mean(axis=0) for name in LABELS])
    return np.cov(means.T, bias=True)


def test_h_score_is_the_trace_of_its_definition():
    features = points()
    expected = np.trace(np.linalg.inv(np.cov(features.T, bias=True)) @ between(features))
    assert h_score(features, LABELS) == pytest.approx(expected)
    assert h_score(3 * features @ RNG.normal(size=(5, 5)) + 7, LABELS) == pytest.approx(expected)


@pytest.mark.parametrize("dim", [5, 100])
def test_the_shrunken_h_score_takes_ledoit_and_wolfs_covariance(dim):
    features = points(dim=dim)
    fitted = LedoitWolf().fit(features)
    expected = np.trace(np.linalg.inv(fitted.covariance_) @ between(features)) * (1 - fitted.shrinkage_)
    assert h_score(features, LABELS, shrink=True) == pytest.approx(expected)


def test_the_h_score_of_fewer_points_than_dimensions_says_nothing():
    assert h_score(points(dim=100, shift=0), LABELS) == pytest.approx(2)
    assert h_score(points(dim=100, shift=0), LABELS, shrink=True) < 1


@pytest.mark.parametrize("measure", [log_me, h_score])
def test_one_class_is_refused(measure):
    with pytest.raises(DataError, match="two classes are needed"):
        measure(points(), ["a"] * 60)


TURN = RNG.uniform(5, 14, 2000)
MANIFOLDS = {
    "a line in ten dimensions": (1, RNG.normal(size=(2000, 1)) @ RNG.normal(size=(1, 10))),
    "a plane, rolled up": (2, np.stack([TURN * np.cos(TURN), TURN * np.sin(TURN), 40 * RNG.random(2000)], 1)),
    "a sphere": (2, (v := RNG.normal(size=(2000, 3))) / np.linalg.norm(v, axis=1, keepdims=True)),
    "a cube": (5, RNG.uniform(size=(2000, 5))),
}


@pytest.mark.parametrize("manifold", MANIFOLDS)
def test_two_nn_finds_the_dimension(manifold):
    dimension, where = MANIFOLDS[manifold]
    assert two_nn(where) == pytest.approx(dimension, rel=0.12)


def test_two_nn_is_the_fitted_slope():
    where = RNG.normal(size=(200, 4))
    distances = NearestNeighbors(n_neighbors=2).fit(where).kneighbors()[0]
    mu = np.sort(distances[:, 1] / distances[:, 0])[:180]
    cumulative = np.arange(1, 181) / 200
    slope = np.linalg.lstsq(np.log(mu)[:, None], -np.log(1 - cumulative), rcond=None)[0][0]
    assert two_nn(where) == pytest.approx(slope)
    assert two_nn(np.concatenate([where, where[:50]])) == pytest.approx(slope)


@pytest.mark.parametrize(
    "where, reason", [([[0.0], [1.0], [1.0]], "2 different points"), (np.mgrid[:4, :4].reshape(2, -1).T, "equally far")]
)
def test_two_nn_without_an_answer(where, reason):
    with pytest.raises(DataError, match=reason):
        two_nn(where)


@pytest.mark.parametrize(
    "owner, reason", [([0, 0, 0, 0], "all points have one group"), ([0, 1, 2, 2], "class 'b' has one")]
)
def test_groups_that_make_no_folds(owner, reason):
    with pytest.raises(DataError, match=reason):
        group_folds(np.array([0, 0, 1, 1]), np.array(owner), ["a", "b"], 5)
