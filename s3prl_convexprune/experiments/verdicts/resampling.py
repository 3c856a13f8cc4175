"""How sure a number is that is computed from the scores of several upstreams: seeds and speakers are drawn anew.

Every seed meets every speaker, so an error has two sources. Each is drawn alone, with replacement, and what the number
varies by is ``n / (n - 1)`` times the variance over the resamples, n the source's count. The two variances are added;
what seeds and speakers do together is then counted twice (Cameron, Gelbach and Miller, Journal of Business & Economic
Statistics 29, 2011, would subtract it once), so an interval is rather too wide than too narrow. Its quantile is
Student's, with the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946). Percentiles of resamples would
not do: of five speakers, the farthest resamples are the five themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .answers import Answers

RESAMPLES = 10_000
LEVEL = 0.95
CHUNK_CELLS = 4_000_000  # units x resamples drawn at a time, which bounds the memory


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % interval; all three are NaN where the number is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "–" if math.isnan(self.value) else f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"

    @property
    def signed(self) -> str:
        """As a difference.

        >>> Interval(-1.0, -2.0, 0.5).signed
        '-1.00 [-2.00, +0.50]'
        """
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"

    def against(self, margin: float) -> str:
        """What a difference's interval says: two one-sided tests of 2.5 % each for equivalence (Schuirmann 1987).

        >>> ends = (-0.5, 0.5), (-2.0, 2.0), (0.1, 3.0), (-0.9, -0.1)
        >>> [Interval(sum(pair) / 2, *pair).against(1.0) for pair in ends]
        ['equivalent', 'not significant', 'higher', 'lower, within 1']
        """
        within = -margin <= self.low and self.high <= margin
        if self.low <= 0 <= self.high:
            return "equivalent" if within else "not significant"
        return ("higher" if self.low > 0 else "lower") + (f", within {margin:g}" if within else "")


@dataclass(frozen=True)
class Source:
    """What makes scores vary: seeds, or groups of utterances.

    Attributes:
        count: how many there are.
        draws: ``[resamples, upstreams]``: the scores when they are drawn anew.
    """

    count: int
    draws: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Scores of several upstreams, larger is better, and what they vary by.

    Attributes:
        names: the upstreams.
        value: ``[upstreams]``: accuracy in percent, or an error rate with its sign turned.
        sources: seeds and groups; without those of which there is one only.
        higher_is_better: whether the metric is an accuracy.
    """

    names: tuple[str, ...]
    value: np.ndarray
    sources: tuple[Source, ...]
    higher_is_better: bool

    def at(self, *names: str) -> list[int]:
        """The columns of these upstreams."""
        return [self.names.index(name) for name in names]

    def interval(
        self, statistic: Callable[[np.ndarray], np.ndarray], lowest: float = -math.inf, highest: float = math.inf
    ) -> Interval:
        """A number that depends on the scores, with its interval.

        Args:
            statistic: from scores ``[..., upstreams]`` to ``[...]``.
            lowest, highest: what it cannot exceed, and so neither the interval.
        """
        from scipy.stats import t

        value = float(statistic(self.value))
        if math.isnan(value):
            return Interval(math.nan, math.nan, math.nan)
        variances, degrees = np.empty(len(self.sources)), np.empty(len(self.sources))
        for at, source in enumerate(self.sources):
            degrees[at] = source.count - 1
            variances[at] = np.nanvar(statistic(source.draws)) * source.count / degrees[at]
        total = variances.sum()
        half = math.inf if not self.sources else 0.0
        if total > 0:
            freedom = 1 / ((variances / total) ** 2 / degrees).sum()
            half = float(t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(total)
        return Interval(value, max(lowest, value - half), min(highest, value + half))

    def score(self, statistic: Callable[[np.ndarray], np.ndarray]) -> Interval:
        """`interval` of a score, in the task's metric and within its range: an error rate may exceed 100 %."""
        lowest, highest = (0.0, 100.0) if self.higher_is_better else (-math.inf, 0.0)
        return self._stated(self.interval(statistic, lowest, highest))

    def difference(self, statistic: Callable[[np.ndarray], np.ndarray]) -> Interval:
        """`interval` of a difference of two scores, in the task's metric: above 0 where an error rate rises."""
        return self._stated(self.interval(statistic))

    def _stated(self, found: Interval) -> Interval:
        return found if self.higher_is_better else Interval(0 - found.value, 0 - found.high, 0 - found.low)


def resampled(answers: Answers, resamples: int = RESAMPLES, seed: int = 0) -> Scores:
    """The scores of the upstreams, and over resamples of seeds and of groups, the same for every upstream.

    Args:
        answers: what they answered.
        resamples: how many.
        seed: of the resampling.
    """
    errors, units = answers.errors, answers.units
    generator = np.random.default_rng(seed)
    by_seed = errors.sum(axis=2), np.full(errors.shape[1], units.sum())
    by_group = errors.sum(axis=1), units * errors.shape[1]
    best = 100.0 if answers.higher_is_better else 0.0
    rate = errors.sum(axis=(1, 2)) / by_group[1].sum()
    sources = tuple(
        Source(len(counted), best - 100 * _rates(wrong, counted, resamples, generator))
        for wrong, counted in (by_seed, by_group)
        if len(counted) > 1
    )
    return Scores(answers.names, best - 100 * rate, sources, answers.higher_is_better)


def _rates(errors: np.ndarray, units: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """``[resamples, upstreams]``: error rates when the columns of ``[upstreams, n]`` are drawn with replacement."""
    count = len(units)
    found = np.empty((resamples, len(errors)))
    step = max(1, CHUNK_CELLS // count)
    for start in range(0, resamples, step):
        times = generator.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - start))
        found[start : start + step] = (times @ errors.T) / (times @ units)[:, None]
    return found
