"""The mean over the pairs of one class, and its standard error by the jackknife over points.

Pairs share points, so their scores are not independent and the spread over pairs says little. The class mean is a
U-statistic of order two, whose leave-one-out values have a closed form in the sums over each point's pairs
(Arvesen, Annals of Mathematical Statistics 40, 1969; Efron and Stein, Annals of Statistics 9, 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s3prl_convexprune.convexity.paths import PathSums


@dataclass(frozen=True)
class ClassEstimate:
    """One class, as shares (0 to 1).

    `influence` belongs to `members`; its sum of squares is the jackknife variance. None for a class of two, where
    leaving one out leaves no pair.
    """

    members: np.ndarray
    score: float
    influence: np.ndarray | None
    sampling_variance: float
    scored_pairs: int
    possible_pairs: int
    disconnected: float

    @property
    def sem(self) -> float:
        if self.influence is None:
            return float("nan")
        return float(np.sqrt((self.influence**2).sum() + self.sampling_variance))


def estimate_class(sums: PathSums, members: np.ndarray, used: np.ndarray) -> ClassEstimate:
    """The class mean from the sums over its sources.

    With r_i the sum over the pairs of point i, the mean without i is ``(sum r - 2 r_i) / ((n - 1)(n - 2))``, which
    differs from the mean by ``-2 (r_i - mean r) / ((n - 1)(n - 2))``.

    When only s of the n points are sources the mean is ``2 A - B``, A over sources x class and B over sources x
    sources: a source that scores high by itself raises A once and B twice, so what it adds cancels. What is left is
    the variance over draws of sources, by leaving out one source at a time.
    """
    n = len(members)
    sources = members[used[members]]
    s = len(sources)
    among = sums.among_sources[sources]
    total = sums.total[sources]
    score = _two_a_minus_b(total.sum(), among.sum(), s, n)
    means = sums.arriving[members] / s
    means[used[members]] = total / (n - 1)
    influence = 2 * (means - means.mean()) * np.sqrt((n - 1) / n) / (n - 2) if n > 2 else None
    variance = 0.0
    if s < n:
        left_out = _two_a_minus_b(total.sum() - total, among.sum() - 2 * among, s - 1, n)
        variance = float((1 - s / n) * (s - 1) * np.var(left_out))
    return ClassEstimate(
        members=members,
        score=float(np.clip(score, 0, 1)),
        influence=influence,
        sampling_variance=variance,
        scored_pairs=s * (n - 1),
        possible_pairs=n * (n - 1),
        disconnected=float(sums.disconnected[sources].sum() / (s * (n - 1))),
    )


def _two_a_minus_b(total: np.ndarray, among: np.ndarray, s: int, n: int) -> np.ndarray:
    return 2 * total / (s * (n - 1)) - among / (s * (s - 1))
