"""`analyze` as a user runs it: the artifact's numbers, and a kill in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from nnconvexity.graph import compute_graph_convexity as reference

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.analyze import analyze, open_corpus
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.main import main

compat.apply()

from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402
from tests.analysis.tones import CASE, WORDS, arguments  # noqa: E402
from tests.checkpoints import LAYERS  # noqa: E402


def test_scores_are_those_of_the_upstreams_own_hidden_states(artifact, ckpt, manifest):
    analysis = Analysis.read(artifact)
    expert = build_upstream(CASE.entry, ckpt=ckpt).eval()
    rows = [row for row in open_corpus(str(manifest), "word") if row.split == "train"]
    with torch.no_grad():
        states = [
            expert([torch.from_numpy(soundfile.read(row.path, dtype="float32")[0])])["hidden_states"] for row in rows
        ]
    classes = np.array([WORDS.index(row.labels["word"]) for row in rows])
    assert [row.layer for row in analysis.layers] == list(range(LAYERS + 1))
    for k, row in enumerate(analysis.layers):
        points = np.stack([state[k][0].mean(dim=0).numpy() for state in states])
        _, per_class = reference(points, classes, n_neighbors=4, max_n_paths=10**6, n_parallel=1)
        assert row.per_class == pytest.approx({word: per_class[number] for number, word in enumerate(WORDS)}, abs=0.006)
        assert row.convexity == pytest.approx(np.mean(list(row.per_class.values())))


def test_the_artifact_says_what_it_was_made_with(artifact, ckpt):
    content = json.loads(artifact.read_text())
    assert content["upstream"] == CASE.entry and content["checkpoint"]["path"] == ckpt
    assert len(content["checkpoint"]["weights_sha256"]) == len(content["corpus"]["fingerprint"]) == 64
    assert content["corpus"]["classes"] == {"no": 8, "up": 8, "yes": 8}
    assert content["settings"]["seed"] == 1337 and content["versions"]["torch"] == torch.__version__.split("+")[0]
    assert {"layer", "convexity", "sem", "per_class"} <= content["layers"][0].keys()


def test_curves_lie_beside_it_and_no_work_is_left(artifact):
    assert {path.suffix for path in artifact.parent.iterdir()} == {".json", ".png", ".svg"}


def test_costs_grow_by_equal_layers(artifact):
    layers = Analysis.read(artifact).layers
    for kind in ("params", "macs"):
        steps = np.diff([getattr(row, kind) for row in layers])
        assert (steps > 0).all() and len(set(steps)) == 1


def test_the_fingerprint_follows_the_audio_not_its_place(ckpt, manifest, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in manifest.parent.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    one = analyze(CASE.entry, open_corpus(str(manifest), "word"), "word", tmp_path / "1.json", ckpt=ckpt, neighbors=4)
    two = analyze(
        CASE.entry,
        open_corpus(str(moved / "manifest.csv"), "word"),
        "word",
        tmp_path / "2.json",
        ckpt=ckpt,
        neighbors=4,
    )
    assert one == two
    soundfile.write(moved / "yes0.wav", np.zeros(4000), 16_000)
    three = analyze(
        CASE.entry,
        open_corpus(str(moved / "manifest.csv"), "word"),
        "word",
        tmp_path / "3.json",
        ckpt=ckpt,
        neighbors=4,
    )
    assert three.corpus.fingerprint != one.corpus.fingerprint


def test_a_finished_analysis_is_not_made_again(artifact, ckpt, manifest):
    before = artifact.stat().st_mtime_ns
    assert main(arguments(ckpt, manifest, artifact)) == 0
    assert artifact.stat().st_mtime_ns == before


def test_weights_that_lie_elsewhere_now_are_found_there(artifact, ckpt, manifest, tmp_path, monkeypatch):
    """As an absolute path: `select` may be called in another folder."""
    shutil.copy(artifact, tmp_path / "analysis.json")
    shutil.copy(ckpt, tmp_path / "moved.pt")
    monkeypatch.chdir(tmp_path)
    assert main(arguments("moved.pt", manifest, Path("analysis.json"))) == 0
    before, after = Analysis.read(artifact), Analysis.read("analysis.json")
    assert before.checkpoint.path == str(ckpt) and after.checkpoint.path == str(tmp_path / "moved.pt")
    assert replace(after, checkpoint=before.checkpoint) == before


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_gives_the_same_file(artifact, ckpt, manifest, tmp_path):
    output, whole, stuck = tmp_path / "analysis.json", tmp_path / "whole.json", tmp_path / "stuck"
    work = tmp_path / "analysis.json.work" / "finished"
    # The twentieth read waits forever, so the kill always falls in the middle.
    slow = (
        "import sys, time, s3prl_convexprune.analysis.batches as b, s3prl_convexprune.analysis.reading as h\n"
        "b.Batching.__init__.__defaults__ = (False, 1.0, *b.Batching.__init__.__defaults__[2:])\n"
        "from s3prl_convexprune.analysis.points import PointStore\n"
        "PointStore.__init__.__defaults__ = (0.0,)\n"
        "load, reads = h.open_audio, []\n"
        "def stuck(path, *segment):\n"
        "    reads.append(path)\n"
        f"    len(reads) == 20 and open({str(stuck)!r}, 'w').close()\n"
        "    time.sleep(600 if len(reads) == 20 else 0)\n"
        "    return load(path, *segment)\n"
        "h.open_audio = stuck\n"
        "from s3prl_convexprune.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *arguments(ckpt, manifest, output)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and not stuck.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = work.read_text().splitlines()
    assert finished and not output.exists()
    points = {path: path.stat().st_mtime_ns for path in work.parent.glob("layer_*.npy")}
    assert len(points) == LAYERS + 1

    counting = slow.replace("time.sleep(600 if len(reads) == 20 else 0)", "print('read', path, file=sys.stderr)")
    done = subprocess.run(
        [sys.executable, "-c", counting, *arguments(ckpt, manifest, output)], capture_output=True, text=True
    )
    straight = counting.replace("print('read', path, file=sys.stderr)", "pass")
    subprocess.run([sys.executable, "-c", straight, *arguments(ckpt, manifest, whole)], check=True)
    assert output.read_bytes() == whole.read_bytes()
    read_again = done.stderr.count("read /")
    assert 0 < read_again <= 24 - 2 * len(finished)


def test_an_artifact_reads_back_as_it_was(artifact, tmp_path):
    analysis = Analysis.read(artifact)
    analysis.write(tmp_path / "copy.json")
    assert (tmp_path / "copy.json").read_bytes() == artifact.read_bytes()


def test_the_artifact_counts_silence(ckpt, manifest, tmp_path):
    rows = manifest.read_text().splitlines()
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(4000 + 400 * number), 16_000)
        rows.append(f"{tmp_path}/{number}.wav,{WORDS[number]},s0,train")
    spoiled = manifest.with_name("silence.csv")
    spoiled.write_text("\n".join(rows) + "\n")
    corpus = analyze(CASE.entry, spoiled, "word", tmp_path / "a.json", ckpt=ckpt, neighbors=4).corpus
    assert (corpus.silent, corpus.cut, corpus.n_points) == (2, 0, 26)
    assert Analysis.read(tmp_path / "a.json").corpus == corpus
