"""The mean over the pairs of one class, and its standard error from what each point adds to it.

A point takes part twice. As an end: pairs share their ends, so the class mean is a U-statistic of order two, whose
leave-one-out values have a closed form in the sums over each point's pairs (Arvesen, Annals of Mathematical
Statistics 40, 1969). And as a vertex that other pairs' paths run through, which in these graphs weighs more: see
`lanes.sum_interior` for what a path owes to it. Leaving the second out gives errors about 40 % too small; with it
they are right to about 20 % in simulation (tests/convexity/test_standard_error.py). Not covered: a point's effect on
which others are neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s3prl_convexprune.convexity.path_search import ClassSums


@dataclass(frozen=True)
class ClassEstimate:
    """One class, in percent. `sem` is NaN in a class of two, where leaving one out leaves no pair."""

    score: float
    sem: float
    sampling_variance: float
    scored_pairs: int
    possible_pairs: int
    disconnected: float


def estimate_class(sums: ClassSums, codes: np.ndarray) -> tuple[ClassEstimate, np.ndarray]:
    """The class mean from the sums over its sources, and how much of its error each of all N points brings.

    With r_i the sum over the pairs of point i, the mean without i is ``(sum r - 2 r_i) / ((n - 1)(n - 2))``: n - 1
    points have ``(n - 1)(n - 2)`` ordered pairs, and r_i goes out once as a start and once as an end.

    When only s of the n points are sources the mean is ``2 A - B``, A over sources x class and B over sources x
    sources: a source that scores high by itself raises A once and B twice, so what it adds cancels. What is left is
    the variance over draws of sources, by leaving out one source at a time.

    Args:
        sums: of the class.
        codes: ``[N]`` the class of each point; effects are measured from the mean of the point's own class, because
            how many points a class has is the experimenter's choice, not chance.

    Returns:
        The estimate, and ``[N]`` the influences, whose sum of squares is the variance over draws of points.
    """
    n, s = len(sums.members), int(sums.is_source.sum())
    score = class_mean(sums)
    influence = sums.interior / (s * (n - 1))
    influence -= (np.bincount(codes, weights=influence) / np.bincount(codes))[codes]
    if n > 2:
        means = sums.arriving / s
        means[sums.is_source] = sums.total / (n - 1)
        # With m_i = r_i / (n - 1), the mean without i lies 2 (m_i - mean m) / (n - 2) below the average of such means.
        # The jackknife's variance is (n - 1) / n times the sum of their squares; each root is its point's influence.
        influence[sums.members] += 2 * (means - means.mean()) * np.sqrt((n - 1) / n) / (n - 2)
    influence *= 100
    sampling_variance = 0.0
    if s < n:
        without = _two_a_minus_b(
            sums.total.sum() - sums.total, sums.among_sources.sum() - 2 * sums.among_sources, s - 1, n
        )
        sampling_variance = 100**2 * float((1 - s / n) * (s - 1) * np.var(without))
    estimate = ClassEstimate(
        score=100 * score,
        sem=float(np.sqrt((influence**2).sum() + sampling_variance)) if n > 2 else float("nan"),
        sampling_variance=sampling_variance,
        scored_pairs=s * (n - 1),
        possible_pairs=n * (n - 1),
        disconnected=float(sums.disconnected.sum() / (s * (n - 1))),
    )
    return estimate, influence


def class_mean(sums: ClassSums) -> float:
    """The mean share of a class's pairs, 0 to 1, from the sums over its sources."""
    n, s = len(sums.members), int(sums.is_source.sum())
    return float(np.clip(_two_a_minus_b(sums.total.sum(), sums.among_sources.sum(), s, n), 0, 1))


def _two_a_minus_b(total: np.ndarray, among: np.ndarray, s: int, n: int) -> np.ndarray:
    return 2 * total / (s * (n - 1)) - among / (s * (s - 1))
