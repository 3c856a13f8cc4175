"""Bad input to `analyze`: one line and a status, before any work; nothing is left behind."""

from __future__ import annotations

import json

import pytest
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.analyze import analyze, open_corpus
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ArtifactError, ConfigError

compat.apply()

from s3prl_convexprune.outputs import claim_output  # noqa: E402
from tests.analysis.tones import CASE, arguments  # noqa: E402


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
