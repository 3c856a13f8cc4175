"""How well a layer's points may serve a classifier, without training one: LogME and the H-score."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.inputs import as_codes, as_points
from s3prl_convexprune.errors import DataError

ROUNDS = 100
SETTLED = 1e-6  # relative change of the precisions' ratio


def log_me(points: Any, labels: Iterable[Hashable]) -> float:
    """Logarithm of the maximum evidence that the points give for the labels, a point and class.

    You et al., "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", ICML 2021. Each class is a
    target y of zeros and ones, and Bayesian linear regression on the points F has the evidence

    ``log p(y | F) = (D log a + N log b - N log 2 pi - b |F m - y|^2 - a m'm - log |A|) / 2``

    with ``A = a I + b F'F`` and ``m = b A^-1 F'y``. It is largest where ``a = g / m'm`` and ``b = (N - g) /
    |F m - y|^2`` with ``g = sum b s^2 / (a + b s^2)`` over the singular values s of F, which is iterated. The score is
    the mean over classes, divided by N. Points are taken as they are, neither centred nor scaled.

    Args:
        points: ``[N, D]``.
        labels: N labels of any hashable kind.

    Raises:
        DataError: points that are not finite numbers, not one label a point, or fewer than two labels.
    """
    features, codes, names = _checked(points, labels)
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    return float(
        np.mean([_evidence(left, singular, features.shape, (codes == c).astype(np.float64)) for c in range(len(names))])
    )


def _evidence(left: np.ndarray, singular: np.ndarray, shape: tuple[int, int], target: np.ndarray) -> float:
    """The largest log evidence of one target, a point.

    With ``F = U S V'`` and ``z = U'y`` the mean is ``m = V b s z / (a + b s^2)``, and what F m leaves of y is ``a z /
    (a + b s^2)`` within the span of U and all of y outside it.
    """
    (n, dim), squares = shape, singular**2
    seen = left.T @ target
    outside = max(0.0, float(target @ target - seen @ seen))
    least = 1e-12 * float(target @ target)
    a = b = 1.0
    for _ in range(ROUNDS):
        spread = a + b * squares
        norm = float(((b * singular * seen / spread) ** 2).sum())
        residual = float(((a * seen / spread) ** 2).sum()) + outside
        used = float((b * squares / spread).sum())
        before = a / b
        a, b = used / max(norm, least), (n - used) / max(residual, least)
        if abs(a / b - before) <= SETTLED * before:
            break
    spread = a + b * squares
    norm = float(((b * singular * seen / spread) ** 2).sum())
    residual = float(((a * seen / spread) ** 2).sum()) + outside
    determinant = float(np.log(spread).sum()) + (dim - len(singular)) * np.log(a)
    evidence = dim * np.log(a) + n * np.log(b) - n * np.log(2 * np.pi) - b * residual - a * norm - determinant
    return float(evidence) / (2 * n)


def h_score(points: Any, labels: Iterable[Hashable], *, shrink: bool = False) -> float:
    """How much of the points' covariance lies between the classes: ``tr(cov(F)^-1 cov(E[F | y]))``.

    Bao et al., "An Information-Theoretic Approach to Transferability in Task Transfer Learning", ICIP 2019, with the
    Moore-Penrose inverse. It lies between 0 and the number of classes less one, and reaches that of itself where there
    are no more points than dimensions. Shrunk, the covariance is Ledoit and Wolf's, ``(1 - s) cov(F) + s mean
    variance``, and the score ``tr(cov_s(F)^-1 (1 - s) cov(E[F | y]))``; Ibrahim et al., "Newer is not always better:
    Rethinking transferability metrics, their peculiarities, stability and performance", 2021 (arXiv 2110.06893).

    Args:
        points: ``[N, D]``.
        labels: N labels of any hashable kind.
        shrink: take the shrunken covariance.

    Raises:
        DataError: points that are not finite numbers, not one label a point, or fewer than two labels.
    """
    features, codes, names = _checked(points, labels)
    centred = features - features.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    # With X = U S V' the weight of each direction is s^2 / (N cov_s), 1 without shrinking, and 0 where there is none.
    weights = (singular > singular[0] * max(centred.shape) * np.finfo(np.float64).eps).astype(np.float64)
    if shrink:
        from sklearn.covariance import ledoit_wolf_shrinkage

        share = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
        variances = singular**2 / len(centred)
        floor = share * float((centred**2).sum()) / centred.size
        weights *= (1 - share) * variances / np.maximum((1 - share) * variances + floor, np.finfo(np.float64).tiny)
    sums = np.stack([left[codes == c].sum(axis=0) for c in range(len(names))])
    sizes = np.bincount(codes)[:, None]
    return float((sums**2 / sizes * weights).sum())


def _checked(points: Any, labels: Iterable[Hashable]) -> tuple[np.ndarray, np.ndarray, list[Hashable]]:
    features = as_points(points).astype(np.float64)
    codes, names = as_codes(labels, len(features))
    if len(names) < 2:
        raise DataError(f"every point is labelled {names[0]!r}; two classes are needed")
    return features, codes, names
