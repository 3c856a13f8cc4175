"""The paper's study on a tiny checkpoint and corpus, end to end; killed on the way it ends the same.

`pytest -m long` kills it; in the suite each part of a study is killed alone (`tests/campaign/test_kills.py`,
`tests/speechbrain/test_resume.py`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s3prl_convexprune import compat
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.experiments.engine import run_study
from s3prl_convexprune.experiments.study_file import read_study
from s3prl_convexprune.results.reading import read_results
from tests.checkpoints import CASES
from tests.tiny_corpora import speech_commands

NAME = "ccc_wav2vec2_base"
CUTS = {"word": f"{NAME}_convexpruned_8_of_12", "speaker": f"{NAME}_convexpruned_2_of_12"}


@pytest.fixture(scope="module")
def overrides(tmp_path_factory) -> list[str]:
    """What points the shipped study at a random 12-layer wav2vec 2.0 under ccc's name, and at a corpus of tones."""
    compat.apply()
    root = tmp_path_factory.mktemp("corpus")
    tree = speech_commands(
        root / "sc", ("yes", "no", "bed", "up"), train=4, dev=2, test=2, takes=3, lists=True, voices=True
    )
    checkpoint = CASES["hf_wav2vec2-post"].build(root / "ccc-wav2vec2-base", layers=12)
    return [
        f"upstreams=[{{hf_wav2vec2_custom: {checkpoint}, name: {NAME}}}]",
        *(f"analyses.{label}.corpus=speech_commands" for label in CUTS),
        *(f"analyses.{label}.root={tree}" for label in CUTS),
        f"evaluate.0.data={tree}",
        "evaluate.0.variant=v2_35",
        f"evaluate.1.data={tree}",
        "evaluate.1.overrides.speakers=3",
        "evaluate.1.overrides.train_clips=6",
    ]


@pytest.fixture(scope="module")
def finished(overrides, tmp_path_factory) -> Path:
    """The study's folder after an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    environment = pytest.MonkeyPatch()
    environment.setenv("S3PRL_CONVEXPRUNE_CONFIGS", "")
    run_study(read_study("dorszewski2024-mini", overrides), folder, device="cpu")
    environment.undo()
    return folder


def numbers(folder: Path) -> list[tuple]:
    return sorted(
        (row.how, row.task, row.upstream, row.seed, row.dev, row.test, row.layers, row.params)
        for row in read_results(folder / "results.json")
    )


@pytest.mark.slow
def test_every_cell_of_the_file_is_scored(finished):
    scored = {(how, task, upstream, layers) for how, task, upstream, _, _, _, layers, _ in numbers(finished)}
    assert scored == {
        ("finetuned", "ks", NAME, 12),
        ("finetuned", "ks", CUTS["word"], 8),
        ("finetuned", "sid", NAME, 12),
        ("finetuned", "sid", CUTS["speaker"], 2),
        ("frozen", "ks", NAME, 12),
        ("frozen", "ks", CUTS["word"], 8),
    }


@pytest.mark.slow
def test_published_numbers_stand_beside_the_measured_ones(finished):
    answer = (finished / "answer.txt").read_text()
    assert f"| {NAME} | word | paper |" in answer.replace("hf_wav2vec2_custom", NAME)
    for label, published in (("word", "-0.25 %"), ("speaker", "+1.22 %")):
        after = answer.partition(f"{'ks' if label == 'word' else 'sid'} fine-tuned, paper:")[2]
        assert after.index("measured, mean over 1") < after.index(f"| {published} |"), label
    assert (finished / "report.html").stat().st_size < 3_000_000


@pytest.mark.slow
def test_convexity_after_fine_tuning_is_of_the_fine_tuned_weights(finished):
    for label in CUTS:
        before = Analysis.read(finished / "analyses" / f"{NAME}-{label}.json")
        after = Analysis.read(finished / "analyses" / f"{NAME}-{label}-after-ks.json")
        assert before.corpus == after.corpus and after.checkpoint.finetuned.task == "ks"
        assert before.checkpoint.weights_sha256 != after.checkpoint.weights_sha256


@pytest.mark.long
def test_killed_and_run_again_it_ends_with_the_same_numbers(finished, overrides, tmp_path):
    output = tmp_path / "killed"
    command = [sys.executable, "-m", "s3prl_convexprune", "study", "dorszewski2024-mini", "-o", str(output)]
    command += ["--device", "cpu", "--override", *overrides]
    environ = {**os.environ, "S3PRL_CONVEXPRUNE_CONFIGS": "", "OMP_NUM_THREADS": "1"}
    for place in ("analyses/*.work", "experiments/**/run.log", "finetuned/ks/**/run.log"):
        process = subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        while not any(output.glob(place)):
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = {path: path.stat().st_mtime_ns for path in output.rglob("finished.json")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert numbers(output) == numbers(finished)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for path in (finished / "analyses").glob("*-word.json"):
        ours, theirs = json.loads((output / "analyses" / path.name).read_text()), json.loads(path.read_text())
        assert ours == theirs
    assert not [path for path in output.rglob("*") if path.name.endswith((".work", ".lock"))]
