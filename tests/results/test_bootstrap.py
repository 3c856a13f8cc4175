"""The paired bootstrap against scipy's, its symmetry, and what pairing is worth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from s3prl_convexprune.errors import DataError
from s3prl_convexprune.results.bootstrap import paired_difference


def test_it_agrees_with_scipys_paired_bootstrap_of_a_word_error_rate() -> None:
    generator = np.random.default_rng(0)
    words = generator.integers(3, 30, 300).astype(float)
    ours = generator.binomial(words.astype(int), 0.12).astype(float)
    theirs = generator.binomial(words.astype(int), 0.10).astype(float)

    def statistic(a: np.ndarray, b: np.ndarray, n: np.ndarray, axis: int = -1) -> np.ndarray:
        return 100 * (a - b).sum(axis) / n.sum(axis)

    expected = stats.bootstrap(
        (ours, theirs, words), statistic, paired=True, n_resamples=10_000, method="percentile", random_state=1
    ).confidence_interval
    found = paired_difference([ours], [theirs], [words], higher_is_better=False)
    assert found.value == pytest.approx(statistic(ours, theirs, words))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.08)


def test_swapping_the_sides_mirrors_the_interval_and_an_accuracy_rises_as_errors_fall() -> None:
    generator = np.random.default_rng(1)
    a, b = (generator.binomial(1, share, 200).astype(float) for share in (0.1, 0.3))
    ones = np.ones(200)
    forward = paired_difference([a], [b], [ones], higher_is_better=True)
    backward = paired_difference([b], [a], [ones], higher_is_better=True)
    assert forward.value == pytest.approx(100 * (b.mean() - a.mean())) and forward.shown
    assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low))


def test_folds_are_averaged_and_not_pooled() -> None:
    small, large = np.ones(10), np.ones(1000)
    found = paired_difference([small * 0, large], [small, large], [small, large], higher_is_better=True)
    assert found.value == pytest.approx(50.0) and (found.low, found.high) == (50.0, 50.0)


def test_pairing_finds_a_small_difference_among_hard_utterances() -> None:
    """Both fail on the same half; one of them on 6 % more. Unpaired, 400 utterances could not show it."""
    theirs = np.repeat([0.0, 1.0], 200)
    ours = theirs.copy()
    ours[:24] = 1.0
    found = paired_difference([ours], [theirs], [np.ones(400)], higher_is_better=True)
    assert found.high < 0 < 100 * np.sqrt(2 * 0.25 / 400) * 1.96 + found.value


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for trial in range(200):
        theirs = generator.binomial(1, 0.3, 150).astype(float)
        ours = np.where(generator.random(150) < 0.2, generator.binomial(1, 0.5, 150), theirs)
        truth = -100 * (0.2 * (0.5 - 0.3))
        found = paired_difference([ours], [theirs], [np.ones(150)], True, resamples=1000, seed=trial)
        covered += found.low <= truth <= found.high
    assert 180 <= covered <= 198


def test_other_utterances_cannot_be_paired() -> None:
    with pytest.raises(DataError, match="same utterances"):
        paired_difference([np.ones(3)], [np.ones(4)], [np.ones(3)], True)
