"""The demo, shortened: the artifacts of every stage are there and speak of one another."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.demo.run import POLICY, WHOLE, DemoTask, run_demo
from s3prl_convexprune.superb.results import read_results

TASK = DemoTask("ks", "word", steps=4, eval_step=4, batch=4, lr=1e-3)
CUT = f"{WHOLE}_convexpruned_ks"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo_output")
    environment = pytest.MonkeyPatch()
    environment.setenv("HF_HUB_OFFLINE", "1")
    environment.setenv("S3PRL_CONVEXPRUNE_CONFIGS", "")
    run_demo(folder, tasks=[TASK], seeds=[1], jobs=1)
    environment.undo()
    return folder


@pytest.mark.slow
def test_the_cut_that_was_scored_is_the_one_that_was_chosen(output):
    analysis = Analysis.read(output / "analysis" / "word.json")
    config = yaml.safe_load((output / "upstream_configs" / f"{CUT}.yaml").read_text())
    rows = {row["upstream"]: row for row in read_results(output / "results.json")}
    assert config["layers"] == analysis.choose(POLICY).layer
    assert rows.keys() == {WHOLE, CUT}
    assert rows[WHOLE]["layers"] == analysis.layers[-1].layer == 12
    assert rows[CUT]["layers"] == config["layers"]
    assert rows[WHOLE]["params"] == analysis.layers[-1].params
    assert rows[CUT]["params"] == analysis.layers[config["layers"]].params


@pytest.mark.slow
def test_both_were_tested_on_the_same_utterances_and_say_how_they_were_made(output):
    rows = read_results(output / "results.json")
    assert len({row["truth_sha256"] for row in rows}) == 1 and rows[0]["utterances"] > 150
    assert all(0 <= row["test"] <= 100 and row["provenance"]["versions"]["torch"] for row in rows)


@pytest.mark.slow
def test_the_page_is_whole_and_says_what_the_corpus_is(output):
    page = (output / "report.html").read_text()
    assert "synthetic speech" in page and "prosody" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page.split("<main")[0])
    assert len(page) < 3_000_000
    assert {"word.json", "word.png", "word.svg"} <= {path.name for path in (output / "analysis").iterdir()}


@pytest.mark.slow
def test_a_second_run_trains_nothing_again(output):
    finished = {path: path.stat().st_mtime_ns for path in output.rglob("finished.json")}
    before = json.loads((output / "results.json").read_text())["rows"]
    run_demo(output, tasks=[TASK], seeds=[1], jobs=1)
    assert {path: path.stat().st_mtime_ns for path in output.rglob("finished.json")} == finished
    assert json.loads((output / "results.json").read_text())["rows"] == before
