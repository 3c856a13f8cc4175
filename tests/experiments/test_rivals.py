"""What each rule chooses from points: by hand where a state was made for it, and never made twice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from s3prl_convexprune.analysis.kept_points import KeptPoints
from s3prl_convexprune.analysis.screen import Screen, ScreenRow, screen_path
from s3prl_convexprune.errors import ArtifactError, DataError
from s3prl_convexprune.experiments.analyses import analysis_path
from s3prl_convexprune.experiments.rivals import after_the_peak, best, chosen, knee, screened_depth
from s3prl_convexprune.experiments.rules import RULES
from s3prl_convexprune.experiments.study import Base
from tests.analysis.test_select import analysis

RNG = np.random.default_rng(0)
POINT_RULES = [
    name for name, rule in RULES.items() if rule.needs == "points" and name not in ("screen", "non-inferior")
]


def points(depths=(0, 1, 2, 3, 4), between: bool = True, n: int = 60) -> KeptPoints:
    """Five states; layer 3 changes nothing but the scale, layer 2 tells the words apart."""
    words, speakers = np.tile([0, 1], n // 2), np.arange(n) // 2 % 6
    first = RNG.normal(size=(n, 8))
    second = first + 0.5 * RNG.normal(size=(n, 8))
    third = second + 0.3 * RNG.normal(size=(n, 8))
    third[:, 0] += 8 * words
    states = [first, second, third, 2 * third, RNG.normal(size=(n, 8))][: len(depths)]
    units = np.stack([state / np.linalg.norm(state, axis=1, keepdims=True) for state in states])
    cosines = np.einsum("snd,tnd->nst", units, units).clip(-1, 1)
    made = np.stack([cosines.mean(axis=0), (np.arccos(cosines) / np.pi).mean(axis=0)])
    columns = {
        "word": [("no", "yes")[k] for k in words],
        "speaker": [f"s{k}" for k in speakers],
        "file": [f"{k}.wav" for k in range(n)],
    }
    kept = tuple(state.astype(np.float32) for state in states)
    return KeptPoints("a" * 64, depths, kept, columns, made if between else None)


@pytest.mark.parametrize("rule", POINT_RULES)
@pytest.mark.parametrize("keep", [1, 2, 3, 4])
def test_a_rule_keeps_layers_in_order(rule, keep):
    scores, layers = chosen(rule, points(), "word", keep)
    assert layers == sorted(set(layers)) and layers[0] >= 1 and layers[-1] <= 4 and np.isfinite(scores).all()
    if RULES[rule].drops:
        assert len(layers) == keep
    else:
        assert layers == list(range(1, len(layers) + 1))


@pytest.mark.parametrize("rule", ["bi", "knn-bi", "angular"])
def test_the_layer_that_turns_nothing_goes_first(rule):
    assert chosen(rule, points(), "word", 3)[1] == [1, 2, 4]


@pytest.mark.parametrize("rule", ["probe", "logme", "h-score", "h-score-shrunk"])
def test_what_tells_the_classes_apart_is_kept(rule):
    assert chosen(rule, points(), "word", 1)[1] == [1, 2]


@pytest.mark.parametrize("rule", ["bi", "angular"])
def test_frames_that_were_not_compared(rule):
    with pytest.raises(DataError, match="differ in width or in rate"):
        chosen(rule, points(between=False), "word", 2)


def test_a_layer_without_a_state_before_it_cannot_be_judged():
    with pytest.raises(DataError, match="before and after every layer"):
        chosen("bi", points(depths=(1, 2, 3)), "word", 2)


def test_depths_need_not_begin_at_0():
    assert best([1.0, 3.0, 2.0], [1, 2, 3]) == 2
    assert knee([0.0, 0.9, 1.0], [1, 2, 3]) == 2
    assert after_the_peak([9.0, 4.0, 5.0], [1, 2, 3]) == 2


@pytest.mark.parametrize("dimension, depth", [([3, 2, 1], 2), ([1, 2, 3], 2), ([1, 9, 5, 5, 7], 2), ([9, 9, 1], 2)])
def test_the_dimension_behind_its_peak(dimension, depth):
    assert after_the_peak(dimension, range(len(dimension))) == depth


def test_a_probe_is_never_tested_on_a_speaker_it_heard():
    kept = points()
    lone = ["s0" if word == "no" else "s1" for word in kept.columns["word"]]
    with pytest.raises(DataError, match="'no' has one group only"):
        chosen("probe", dataclasses.replace(kept, columns={**kept.columns, "speaker": lone}), "word", 1)


@pytest.mark.parametrize("margin, depth", [(None, 2), (100.0, 1), (0.001, 3)])
def test_a_screen_that_is_there_is_read(margin, depth, tmp_path):
    base, made = Base("tiny", "tiny_hubert"), analysis([50, 60, 70, 65])
    path = analysis_path(tmp_path, base, "word")
    rows = tuple(
        ScreenRow(k + 1, accuracy, accuracy, accuracy, 0, low, 1, (1.0,))
        for k, (accuracy, low) in enumerate([(80, -5), (90, -2), (85, 0)])
    )
    left = Screen(made.settings.key, "tiny", "word", "speaker", 5, 5, 1, 0.1, (0,), rows)
    left.write(screen_path(path))
    assert screened_depth(base, "word", made, tmp_path, margin) == depth

    whisper = Base("tiny", "hf_whisper_custom", "x")  # whose cuts keep the last LayerNorm
    dataclasses.replace(left, final_norm="keep").write(screen_path(path))
    assert screened_depth(whisper, "word", made, tmp_path, margin) == depth
    for other in (dataclasses.replace(whisper, final_norm="drop"), base):
        with pytest.raises(ArtifactError, match=path.name):  # made again, and there is no analysis to make it of
            screened_depth(other, "word", made, tmp_path, margin)
