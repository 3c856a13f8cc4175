"""Published curves beside measured ones: what ships, what agreement says, what is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from s3prl_convexprune.analysis.plot import draw_curve
from s3prl_convexprune.analysis.published import (
    UPSTREAMS,
    agreement,
    agreement_table,
    published_curve,
    published_curves,
    published_for,
)
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.paper import DEPTHS
from tests.analysis.test_select import analysis


def test_seven_models_two_labels_every_layer():
    curves = published_curves()
    assert len({(curve.model, curve.size) for curve in curves}) == 7 and len(curves) == 14
    for curve in curves:
        assert curve.layers == tuple(range(13 if curve.size == "base" else 25))
        assert all(0 < value < 100 for value in curve.convexity)


def test_words_rise_late_speakers_early_and_the_papers_depths_lie_near_the_peaks():
    for curve in published_curves():
        depth = DEPTHS[curve.label][curve.layers[-1]]
        assert (curve.peak > curve.layers[-1] / 2) == (curve.label == "word")
        assert max(curve.convexity) - curve.convexity[depth] < 10


def measured(curve, scores=None, upstream=None, label=None, corpus="speech_commands"):
    names = {value: name for name, value in UPSTREAMS.items()}
    upstream = upstream or names.get((curve.model, curve.size), "hf_wav2vec2_custom")
    ckpt = "vasista22/ccc-wav2vec2-base" if curve.model == "ccc-wav2vec2" else None
    one = analysis(scores or curve.convexity, upstream=upstream, label=label or curve.label, ckpt=ckpt)
    return replace(one, corpus=replace(one.corpus, name=corpus))


@pytest.mark.parametrize("curve", published_curves(), ids=lambda curve: f"{curve.model}-{curve.size}-{curve.label}")
def test_each_is_found_again_and_agrees_with_itself(curve):
    same = agreement(measured(curve))
    assert same.curve == curve == published_curve(curve.model, curve.size, curve.label)
    assert (same.correlation, same.largest_difference, same.peak) == (pytest.approx(1), 0, curve.peak)
    assert same.sentence == "agrees"


HUBERT = published_curve("hubert", "base", "word")
X = np.array(HUBERT.layers)


def hill(peak, height=60.0):
    return 20 + height * np.exp(-(((X - peak) / 4) ** 2))


def with_one(values, layer, value):
    return np.where(layer == X, value, values)


SEVEN = hill(7)
#: published, measured -> the sentence's beginning
CASES = {
    "reading error": (HUBERT.convexity, with_one(HUBERT.convexity, 8, max(HUBERT.convexity) + 1), "agrees"),
    "level": (HUBERT.convexity, 0.8 * np.array(HUBERT.convexity), "agrees; 13 points lower on average"),
    "two deeper": (SEVEN, with_one(SEVEN, 9, 85.0), "peak two layers deeper"),
    "three shallower": (hill(7, 70), with_one(hill(7, 70), 4, 95.0), "peak three layers shallower"),
    "another shape": (SEVEN, with_one(95 - SEVEN, 7, 90.0), "same peak, another shape"),
    "nothing alike": (hill(2), hill(11), "disagrees: peak nine layers deeper, correlation -"),
    "flat": (SEVEN, np.full(13, 50.0), "disagrees: peak seven layers shallower, correlation nan"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_agreement_says(case):
    published, scores, sentence = CASES[case]
    curve = replace(HUBERT, convexity=tuple(map(float, published)))
    found = agreement(measured(HUBERT, [float(score) for score in scores]), curve)
    assert found.sentence.startswith(sentence)
    differences = np.subtract(scores, curve.convexity)
    assert found.largest_difference == pytest.approx(differences[found.at])
    assert abs(found.largest_difference) == pytest.approx(np.abs(differences).max())
    if not math.isnan(found.correlation):
        assert found.correlation == pytest.approx(np.corrcoef(scores, curve.convexity)[0, 1])
    assert found.sentence in agreement_table([found])


def test_what_has_no_published_curve():
    for changed in ({"upstream": "data2vec"}, {"label": "emotion"}, {"corpus": "librispeech"}):
        other = measured(HUBERT, **changed)
        assert published_for(other) is None
        with pytest.raises(ConfigError, match="published no curve"):
            agreement(other)
    with pytest.raises(ConfigError, match="0 to 8; the published curve of hubert base has 0 to 12"):
        agreement(measured(HUBERT, HUBERT.convexity[:9]))
    with pytest.raises(ConfigError, match="did you mean 'hubert large word'"):
        published_curve("hubret", "large", "word")


def test_published_is_drawn_dashed_and_measured_is_not(tmp_path):
    one = measured(HUBERT)
    plain = draw_curve([one], tmp_path / "plain")[1].read_text()
    both = draw_curve([one], tmp_path / "both", published=[HUBERT])[1].read_text()
    assert "stroke-dasharray" not in plain and "published" not in plain
    assert "stroke-dasharray" in both and "hubert base: word (published)" in both
