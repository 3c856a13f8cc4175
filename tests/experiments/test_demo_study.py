"""The demo's study, shortened: the artifacts of every step are there and speak of one another."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.experiments.engine import run_study
from s3prl_convexprune.experiments.study_file import find_study, read_study
from s3prl_convexprune.results.reading import read_results

WHOLE = "tiny_hubert"
STEPS = {f"config.runner.{key}": 4 for key in ("total_steps", "eval_step", "log_step", "save_step")}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The shipped file with KS alone, one seed, four steps, twenty utterances a word and one timed pass."""
    given = yaml.safe_load(find_study("demo").read_text())
    given["analyses"] = {"word": given["analyses"]["word"] | {"per_class": 20}}
    given["profile"] = {"seconds": [1.0], "batches": [1], "repeats": 1}
    ks = given["evaluate"][0]
    ks["overrides"] |= {**STEPS, "config.downstream_expert.datarc.batch_size": 4}
    given["evaluate"] = [{**ks, "seeds": [1]}]
    path = tmp_path_factory.mktemp("study") / "short.yaml"
    path.write_text(yaml.safe_dump(given, sort_keys=False))
    return read_study(path)


@pytest.fixture(scope="module")
def output(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo_output")
    environment = pytest.MonkeyPatch()
    environment.setenv("HF_HUB_OFFLINE", "1")
    environment.setenv("S3PRL_CONVEXPRUNE_CONFIGS", "")
    run_study(study, folder, device="cpu")
    environment.undo()
    return folder


@pytest.mark.slow
def test_the_cut_that_was_scored_is_the_one_that_was_chosen(output):
    analysis = Analysis.read(output / "analyses" / "tiny_hubert-word.json")
    depth = analysis.decide("within-sem", fallback="argmax").layer
    cut = f"{WHOLE}_convexpruned_L{depth}"
    rows = {row.upstream: row for row in read_results(output / "results.json")}
    assert rows.keys() == {WHOLE, cut}
    assert rows[WHOLE].layers == analysis.layers[-1].layer == 12
    assert rows[cut].layers == depth
    assert rows[WHOLE].params == analysis.layers[-1].params
    assert rows[cut].params == analysis.layers[depth].params
    answer = (output / "answer.txt").read_text()
    assert f"{depth} of 12" in answer and f"{rows[cut].test:.2f}" in answer


@pytest.mark.slow
def test_both_were_tested_on_the_same_utterances_and_say_how_they_were_made(output):
    rows = read_results(output / "results.json")
    assert len({row.truth_sha256 for row in rows}) == 1 and rows[0].utterances > 150
    assert all(0 <= row.test <= 100 and row.provenance.versions["torch"] for row in rows)


@pytest.mark.slow
def test_the_page_is_whole_and_says_what_the_corpus_is(output):
    page = (output / "report.html").read_text()
    assert "synthetic speech" in page and "prosody" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page.split("<main")[0])
    assert len(page) < 3_000_000
    assert {path.name for path in (output / "analyses").iterdir()} == {
        f"tiny_hubert-word.{kind}" for kind in ("json", "png", "svg")
    }


@pytest.mark.slow
def test_a_second_run_trains_nothing_again(study, output):
    finished = {path: path.stat().st_mtime_ns for path in output.rglob("finished.json")}
    before = json.loads((output / "results.json").read_text())["rows"]
    run_study(study, output, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in output.rglob("finished.json")} == finished
    assert json.loads((output / "results.json").read_text())["rows"] == before
