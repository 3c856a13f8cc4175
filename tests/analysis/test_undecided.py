"""A flat curve decides nothing: `select` writes nothing then, a config answers with one line, a fallback chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from s3prl_convexprune.artifact import Grouping
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ConfigError, UndecidedError
from s3prl_convexprune.policies import DEFAULT_POLICY, FALLBACKS, POLICIES
from s3prl_convexprune.upstreams.config import load_config
from s3prl_convexprune.upstreams.names import chosen_layers
from tests.analysis.test_select import analysis, run_select

FLAT = analysis([33.1, 33.4, 33.9, 33.6], sem=2.0)


def by_speakers(scores, sem=2.0, speakers=8):
    given = analysis(scores, sem=sem)
    rng = np.random.default_rng(0)
    rows = []
    for row in given.layers:
        influence = rng.standard_normal(speakers)
        influence = tuple((influence / np.linalg.norm(influence) * sem).tolist())
        rows.append(replace(row, influence=influence, plain_sem=0.3))
    return replace(given, layers=tuple(rows), grouping=Grouping("speaker", speakers, speakers, speakers - 1))


def too_few(scores):
    given = analysis(scores)
    rows = tuple(replace(row, sem=None, influence=(), plain_sem=0.3) for row in given.layers)
    return replace(given, layers=rows, grouping=Grouping("speaker", 3, 3, 2, "3 speakers are too few"))


@pytest.mark.parametrize("policy", [None, "argmax", "within-sem", "budget"])
def test_nothing_is_written(policy, tmp_path, capsys):
    options = () if policy is None else ("--policy", policy, *(("--max-macs", "0.9") if policy == "budget" else ()))
    status, out, err = run_select(tmp_path, capsys, FLAT, *options)
    assert status == 2 and out == "" and len(err.splitlines()) == 1
    assert "undecided: hubert: word on corpus: its layers lie 0.80 points apart, within the error of" in err
    assert "--fallback" in err and not (tmp_path / "out.yaml").exists()


@pytest.mark.parametrize(("fallback", "layer"), [("whole", 3), ("argmax", 2), ("within-sem", 0)])
def test_the_fallback_chooses_and_says_so(fallback, layer, tmp_path, capsys):
    status, out, _ = run_select(tmp_path, capsys, FLAT, "--fallback", fallback)
    config = load_config(tmp_path / "out.yaml")
    assert status == 0 and config.layers == layer and "undecided" in out
    assert config.provenance["policy"] == fallback and config.provenance["undecided"].startswith("undecided")


def test_a_curve_that_decides_needs_no_fallback_and_takes_none(tmp_path, capsys):
    _, out, _ = run_select(tmp_path, capsys, analysis([60, 70, 80, 75]), "--fallback", "whole")
    assert load_config(tmp_path / "out.yaml").layers == 2 and "undecided" not in out


def test_how_many_more_would_decide_is_said_in_speakers_or_utterances():
    with pytest.raises(UndecidedError, match=r"about \d+ speakers in place of 8 would decide"):
        by_speakers([60, 63, 66, 65]).decide()
    with pytest.raises(UndecidedError, match=r"about \d+ utterances in place of 400 would decide"):
        analysis([60, 63, 66, 65], sem=2.0).decide()
    with pytest.raises(UndecidedError, match="cannot be said"):
        analysis([60, 60.1, 60.1, 60], sem=2.0).decide()


def test_more_speakers_at_the_same_scores_do_decide():
    assert by_speakers([60, 66, 72, 70], sem=0.5).decide().layer == 2


def test_too_few_speakers_decide_nothing_but_the_fallback_does(tmp_path, capsys):
    given = too_few([60, 70, 80, 75])
    with pytest.raises(UndecidedError, match="3 speakers are too few .* at least 5 are needed"):
        given.decide()
    status, out, _ = run_select(tmp_path, capsys, given, "--fallback", "argmax")
    assert status == 0 and "keep 2 of 3" in out and "nan" not in out.lower()
    assert given.decide(fallback="argmax").probability_best is None
    assert "-" in given.table() and "nan" not in given.table()


def test_a_depth_that_does_not_come_from_the_curve_is_not_undecided():
    flat = analysis([33.0] * 13, sem=2.0)
    assert flat.decide("paper").layer == 8


def test_a_config_answers_with_that_line_or_its_fallback(tmp_path):
    FLAT.write(tmp_path / "words.json")
    (tmp_path / "cut.yaml").write_text("name: cut\nbase: hubert\nselect: {analysis: words.json}\n")
    with pytest.raises(UndecidedError, match="undecided"):
        chosen_layers(load_config(tmp_path / "cut.yaml"))
    (tmp_path / "cut.yaml").write_text("name: cut\nbase: hubert\nselect: {analysis: words.json, fallback: argmax}\n")
    assert chosen_layers(load_config(tmp_path / "cut.yaml")) == 2
    (tmp_path / "cut.yaml").write_text("name: cut\nbase: hubert\nselect: {analysis: words.json, fallback: argmx}\n")
    with pytest.raises(ConfigError, match="no fallback 'argmx'.*argmax"):
        load_config(tmp_path / "cut.yaml")


def test_unknown_fallbacks_and_what_is_wrong_with_the_policy_come_first(tmp_path, capsys):
    with pytest.raises(ConfigError, match="unknown fallback 'argmx'"):
        FLAT.decide(fallback="argmx")
    with pytest.raises(ConfigError, match="budget needs"):
        FLAT.decide("budget")
    assert main(["select", str(tmp_path / "analysis.json"), "--fallback", "nothing"]) == 2
    assert DEFAULT_POLICY in POLICIES and set(POLICIES) < set(FALLBACKS)
