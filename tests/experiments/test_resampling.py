"""Intervals over seeds and speakers: what they count, against an independent bootstrap and in simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from s3prl_convexprune.errors import ArtifactError
from s3prl_convexprune.experiments.verdicts.answers import Answers, read_answers
from s3prl_convexprune.experiments.verdicts.resampling import Interval, resampled
from s3prl_convexprune.results.bootstrap import paired_difference
from s3prl_convexprune.results.leaderboard import load_rows
from s3prl_convexprune.results.summary import TaskScore, score_task
from tests.results.finished_cells import finished_cell, right_answers


def numbers(expdir: Path) -> dict[str, TaskScore]:
    rows = load_rows([expdir])
    return {name: score_task([row for row in rows if row.upstream == name]) for name in {row.upstream for row in rows}}


def gap(answers: Answers, resamples: int = 10_000) -> Interval:
    return resampled(answers, resamples).interval(lambda s: s[..., 0] - s[..., 1])


@pytest.mark.parametrize(
    ("names", "kind", "groups"),
    [
        (lambda at: f"yes-{at % 6:08x}_nohash_{at}.wav", "speakers", 6),
        (lambda at: f"yes-yes_voice_{at % 6}_nohash_{at}.wav", "speakers", 6),
        (lambda at: f"yes-{at % 4:08x}_nohash_{at}.wav", "utterances", 60),
        (lambda at: f"_silence_-{at}.wav", "utterances", 60),
        (lambda at: f"yes-{at % 6:08x}_nohash_{at}.wav" if at < 54 else f"_silence_-{at}.wav", "speakers", 12),
    ],
)
def test_who_speaks_is_read_off_the_names_and_too_few_are_not_drawn(names, kind, groups, tmp_path) -> None:
    called = [names(at) for at in range(60)]
    for seed, share in ((1, 0.5), (2, 0.7)):
        finished_cell(tmp_path, "tiny", "ks", right_answers(60, share, seed), seed=seed, names=called)
    answers = read_answers(numbers(tmp_path))
    assert (answers.kind, answers.errors.shape) == (kind, (1, 2, groups))
    assert answers.units.sum() == 60 and resampled(answers, 10).value == pytest.approx([60.0])
    assert ("too few" in answers.counted) == (kind == "utterances" and "4" in str(answers.speakers))


def test_a_fold_is_one_group_and_folds_weigh_the_same(tmp_path: Path) -> None:
    for fold, (count, share) in {"fold1": (10, 0.2), "fold2": (90, 0.8)}.items():
        finished_cell(tmp_path, "tiny", "er", right_answers(count, share, 1), fold=fold)
    answers = read_answers(numbers(tmp_path))
    assert (answers.kind, answers.counted) == ("folds", "2 folds and 1 seed, so not over seeds")
    assert resampled(answers, 10).value == pytest.approx([50.0])


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    finished_cell(tmp_path, "a", "ks", right_answers(60, 0.5, 1), seed=1)
    finished_cell(tmp_path, "b", "ks", right_answers(59, 0.5, 1), seed=2)
    with pytest.raises(ArtifactError, match="no seed in common"):
        read_answers(numbers(tmp_path))
    finished_cell(tmp_path, "b", "ks", right_answers(59, 0.5, 1), seed=1)
    with pytest.raises(ArtifactError, match="different utterances"):
        read_answers(numbers(tmp_path))


def test_utterances_alone_give_the_interval_of_the_paired_bootstrap() -> None:
    generator = np.random.default_rng(0)
    wrong = (generator.random((2, 400)) < [[0.2], [0.3]]).astype(float)
    ones = np.ones(400)
    found = gap(Answers(("a", "b"), wrong[:, None], ones, True, "utterances", 0))
    other = paired_difference([wrong[0]], [wrong[1]], [ones], True, seed=5)
    assert found.value == pytest.approx(other.value)
    assert (found.low, found.high) == pytest.approx((other.low, other.high), rel=0.03)


@pytest.mark.parametrize(("seeds", "groups"), [(10, 10), (1, 5), (10, 30)])
def test_an_interval_covers_what_other_seeds_and_speakers_would_show(seeds: int, groups: int) -> None:
    generator = np.random.default_rng(seeds + groups)
    covered, trials = 0, 200
    for _ in range(trials):
        effect = 2 * generator.normal(size=groups) + generator.normal(size=(seeds, groups))
        if seeds > 1:  # what one seed does to all speakers no interval over speakers can count
            effect += generator.normal(size=(seeds, 1))
        errors = np.stack([effect, np.zeros_like(effect)])
        found = gap(Answers(("a", "b"), errors, np.ones(groups), False, "speakers", groups), 500)
        covered += found.low <= 0 <= found.high
    assert 0.90 <= covered / trials <= 0.995


def test_a_number_that_is_not_defined_has_no_interval() -> None:
    scores = resampled(Answers(("a",), np.ones((1, 3, 4)), np.ones(4), True, "speakers", 4), 20)
    assert str(scores.interval(lambda s: s[..., 0])) == "0.00 [0.00, 0.00]"
    found = scores.interval(lambda s: s[..., 0] * np.nan)
    assert str(found) == "–" and np.isnan([found.value, found.low, found.high]).all()
    alone = resampled(Answers(("a",), np.ones((1, 1, 1)), np.ones(1), True, "speakers", 1), 20)
    assert np.isinf(alone.interval(lambda s: s[..., 0]).high)
