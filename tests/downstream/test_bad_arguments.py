"""What a user gets wrong on the command line of `run_downstream.py`: one line, exit status 2, no traceback."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune import run_downstream as run

from .conftest import SHORT, override

TRAIN = {"-m": "train", "-u": "hubert_custom", "-d": "emotion", "-n": "exp", "--device": "cpu", "-o": override(SHORT)}


def refused(capsys, arguments: dict) -> str:
    """Run, expect a refusal, and return its line."""
    status = run.main([str(part) for pair in arguments.items() for part in pair if part is not None])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("s3prl-convexprune: error: ")]
    assert (status, len(lines)) == (2, 1)
    return lines[0]


@pytest.fixture(autouse=True)
def environment(hubert, corpora, monkeypatch, tmp_path):
    for key, value in corpora.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setitem(TRAIN, "-k", str(hubert))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"-u": "hubret_custom"}, "hubert_custom"),
        ({"-u": "hubert_custom_convexpruned_L9"}, "L9"),
        ({"-u": "hubert_custom_convexpruned_L0"}, "L0"),
        ({"-k": "nowhere.pt", "-u": "hubert_custom_convexpruned_L2"}, "nowhere.pt"),
        ({"-l": "5", "-u": "hubert_custom_convexpruned_L2"}, "gives 3 hidden states; expected -l 0 to -l 2"),
        ({"-l": "-9"}, "expected -l 0 to"),
        ({"-d": "emotoin"}, "'emotion'"),
        ({"-c": "nowhere.yaml"}, "nowhere.yaml"),
        ({"-e": "nowhere"}, "nowhere"),
        ({"-e": "."}, "states-*.ckpt"),
        ({"-o": "config.downstream_expert.datarc.root=/nowhere"}, "/nowhere"),
        ({"-o": "config.downstream_expert.datarc.meta_data=/nowhere"}, "prepare er"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_refusals(capsys, change, said):
    assert said in refused(capsys, {**TRAIN, **change})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_device(capsys):
    assert "--device cpu" in refused(capsys, {**TRAIN, "--device": "cuda"})


def test_no_corpus_given(capsys, monkeypatch):
    monkeypatch.delenv("S3PRL_CONVEXPRUNE_DATA_IEMOCAP")
    line = refused(capsys, TRAIN)
    assert "S3PRL_CONVEXPRUNE_DATA_IEMOCAP" in line and "config.downstream_expert.datarc.root" in line


def test_evaluation_is_not_distributed(capsys, monkeypatch):
    for key, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(key, value)
    assert "without torchrun" in refused(capsys, {**TRAIN, "-m": "evaluate"})
