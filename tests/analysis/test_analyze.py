"""`analyze` as a user runs it: the artifact's numbers, bad input, and a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from nnconvexity.graph import compute_graph_convexity as reference

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.analyze import analyze, open_corpus
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ArtifactError, ConfigError

compat.apply()

from s3prl_convexprune.outputs import claim_output  # noqa: E402
from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402
from tests.checkpoints import CASES, LAYERS  # noqa: E402

CASE = CASES["hubert-post"]
WORDS = ("yes", "no", "up")


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("ckpt")))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Three "words": tones of three pitches in noise, eight takes each, of differing lengths."""
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    lines = ["path,word,speaker,split"]
    for number, word in enumerate(WORDS):
        for take in range(9):
            time_axis = np.arange(4000 + 400 * take) / 16_000
            wav = 0.02 * np.sin(2 * np.pi * 200 * 2**number * time_axis) + 0.3 * rng.standard_normal(len(time_axis))
            soundfile.write(folder / f"{word}{take}.wav", wav, 16_000)
            lines.append(f"{word}{take}.wav,{word},s{take % 3},{'test' if take == 8 else 'train'}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def arguments(ckpt, manifest, output, **changes):
    given = {
        "--upstream": CASE.entry, "--ckpt": ckpt, "--corpus": str(manifest), "--label": "word",
        "--output": str(output), "--neighbors": "4", **changes,
    }  # fmt: skip
    return ["analyze", *(part for key, value in given.items() if value is not None for part in (key, value))]


@pytest.fixture(scope="module")
def artifact(ckpt, manifest, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "analysis.json"
    assert main(arguments(ckpt, manifest, output)) == 0
    return output


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


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_gives_the_same_file(artifact, ckpt, manifest, tmp_path):
    output, whole = tmp_path / "analysis.json", tmp_path / "whole.json"
    work = tmp_path / "analysis.json.work" / "finished"
    # The twentieth read waits forever, so the kill always falls in the middle.
    slow = (
        "import sys, time, s3prl_convexprune.analysis.batches as b, s3prl_convexprune.analysis.reading as h\n"
        "b.Batching.__init__.__defaults__ = (False, 1.0, *b.Batching.__init__.__defaults__[2:])\n"
        "from s3prl_convexprune.analysis.points import PointStore\n"
        "PointStore.__init__.__defaults__ = (0.0,)\n"
        "load, reads = h.load_audio, []\n"
        "def stuck(path, *segment):\n"
        "    reads.append(path)\n"
        "    time.sleep(600 if len(reads) == 20 else 0)\n"
        "    return load(path, *segment)\n"
        "h.load_audio = stuck\n"
        "from s3prl_convexprune.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *arguments(ckpt, manifest, output)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if work.is_file() and len(work.read_text().splitlines()) >= 6:
            break
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


def bad_manifest(manifest, tmp_path, kind):
    rows = manifest.read_text().splitlines()
    header, rows = rows[0], [f"{manifest.parent}/{row}" for row in rows[1:]]
    if kind == "empty":
        rows = []
    elif kind == "one class":
        rows = [row for row in rows if "yes" in row]
    elif kind == "single utterance":
        rows.append(f"{manifest.parent}/yes0.wav,alone,s1,train")
    elif kind == "missing audio":
        rows.append(f"{tmp_path}/absent.wav,yes,s1,train")
    elif kind == "text as audio":
        (tmp_path / "text.wav").write_text("no audio")
        rows.append(f"{tmp_path}/text.wav,yes,s1,train")
    (tmp_path / "bad.csv").write_text("\n".join([header, *rows]) + "\n")
    return tmp_path / "bad.csv"


BAD = {
    "empty": ({}, "no rows"),
    "one class": ({}, "1 class"),
    "single utterance": ({}, "'alone'"),
    "missing audio": ({}, "absent.wav"),
    "text as audio": ({}, "text.wav"),
    "unknown upstream": ({"--upstream": "hubret"}, "did you mean 'hubert'"),
    "depth out of range": ({"--upstream": f"{CASE.entry}_convexpruned_L9"}, "out of range 1..4"),
    "missing checkpoint": ({"--ckpt": "absent.pt"}, "absent.pt"),
    "no checkpoint": ({"--ckpt": None}, "needs a checkpoint"),
    "unknown corpus": ({"--corpus": "speech_comands"}, "did you mean 'speech_commands'"),
    "unknown label": ({"--label": "wrod"}, "did you mean 'word'"),
    "unknown split": ({"--split": "tset"}, "did you mean 'test'"),
    "too many neighbours": ({"--neighbors": "24"}, "24"),
    "no neighbours": ({"--neighbors": "0"}, "0"),
    "unknown device": ({"--device": "gpu"}, "expected cpu, cuda"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_a_status(kind, ckpt, manifest, tmp_path, capsys):
    changes, reason = BAD[kind]
    changes = {"--corpus": str(bad_manifest(manifest, tmp_path, kind)), **changes}
    assert main(arguments(ckpt, manifest, tmp_path / "a.json", **changes)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(errors) == 1 and reason in errors[0]
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("{}", "is not an analysis"), ("[]", "is not an analysis")],
)
def test_what_is_no_analysis(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(ArtifactError, match=reason):
        Analysis.read(tmp_path / "a.json")


def test_another_version_or_a_missing_field(artifact, tmp_path):
    content = json.loads(artifact.read_text())
    for change, reason in (
        ({"version": 99}, "version 99"),
        ({"layers": [{"layer": 0}]}, "layers.0.convexity is missing"),
    ):
        (tmp_path / "a.json").write_text(json.dumps({**content, **change}))
        with pytest.raises(ArtifactError, match=reason):
            Analysis.read(tmp_path / "a.json")


def test_two_commands_do_not_write_one_artifact(ckpt, manifest, tmp_path, capsys):
    with claim_output(tmp_path / "a.json", "analysis"):
        assert main(arguments(ckpt, manifest, tmp_path / "a.json")) == 2
    assert "another process is writing it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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


def test_cuda_is_refused_where_there_is_none(ckpt, manifest, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match="no such device"):
        analyze(CASE.entry, open_corpus(str(manifest), "word"), "word", tmp_path / "a.json", ckpt=ckpt, device="cuda")


def test_the_next_writer_of_an_output_removes_unfinished_files_of_it_alone(tmp_path):
    ours, others = ((".a.json.12345678.tmp", ".a.json.abcdefgh.tmp"), (".b.json.12345678.tmp", ".a.json.old", "a.tmp"))
    for name in (ours[0], *others):
        (tmp_path / name).write_text("{")
    (tmp_path / ours[1]).mkdir()
    (tmp_path / ours[1] / "a.json").write_text("{")
    with claim_output(tmp_path / "a.json", "analysis"):
        assert not any((tmp_path / name).exists() for name in ours)
    assert {path.name for path in tmp_path.iterdir()} == set(others)
