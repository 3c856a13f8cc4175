"""How sure a difference between two upstreams is: a paired bootstrap over the utterances of the test set.

Both upstreams answered the same utterances, so what is resampled is the utterance with both of its answers (Bisani and
Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004). Errors of several seeds
are averaged an utterance first: the interval is about the utterances, the spread over seeds is reported beside it.
Cross-validation folds are resampled each within itself, since the task's number is the mean of the folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError

RESAMPLES = 10_000
CHUNK_CELLS = 20_000_000  # utterances x resamples drawn at a time, which bounds the memory


@dataclass(frozen=True)
class Difference:
    """An upstream's metric less the reference's, in percentage points.

    Attributes:
        value: the difference.
        low: lower end of the 95 % interval.
        high: upper end.
        utterances: how many were resampled.
    """

    value: float
    low: float
    high: float
    utterances: int

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out: a smaller difference is noise."""
        return self.low > 0 or self.high < 0


def paired_difference(
    errors: Sequence[np.ndarray],
    reference_errors: Sequence[np.ndarray],
    units: Sequence[np.ndarray],
    higher_is_better: bool,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """The difference in error rate (or, for an accuracy, in accuracy) and its 95 % interval.

    Args:
        errors: one array a fold, each ``[U]``: errors of an utterance, averaged over seeds.
        reference_errors: the same for the reference.
        units: one array a fold, each ``[U]``: what the errors are counted in (1, or words of the reference).
        higher_is_better: True turns the error rate into an accuracy, so the sign follows the metric.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        DataError: the two do not cover the same utterances.

    >>> ones = np.ones(200)
    >>> d = paired_difference([ones * 0.5], [ones * 0.5], [ones], True)
    >>> d.value, d.low, d.high
    (0.0, 0.0, 0.0)
    """
    shapes = {tuple(array.shape for array in arrays) for arrays in (errors, reference_errors, units)}
    if len(shapes) != 1 or not units:
        raise DataError("a paired comparison needs the same utterances on both sides")
    generator = np.random.default_rng(seed)
    sign = -100.0 if higher_is_better else 100.0
    value = 0.0
    draws: np.ndarray = np.zeros(resamples)
    for fold_errors, fold_reference, fold_units in zip(errors, reference_errors, units, strict=True):
        gap = sign * (fold_errors - fold_reference)
        value += gap.sum() / fold_units.sum()
        draws += _resampled_rates(gap, fold_units, resamples, generator)
    value, draws = value / len(units), draws / len(units)
    low, high = np.percentile(draws, (2.5, 97.5))
    return Difference(float(value), float(low), float(high), sum(len(array) for array in units))


def _resampled_rates(gap: np.ndarray, units: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """``sum(gap) / sum(units)`` over resamples of the utterances, drawn with replacement."""
    count = len(gap)
    rates = np.empty(resamples)
    step = max(1, CHUNK_CELLS // count)
    for start in range(0, resamples, step):
        drawn = generator.integers(count, size=(min(step, resamples - start), count))
        rates[start : start + step] = gap[drawn].sum(axis=1) / units[drawn].sum(axis=1)
    return rates
