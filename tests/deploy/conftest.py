"""Exports that several tests read, made once."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.deploy import onnx_export

from .exporter import CAN_EXPORT, LACKING
from .own_experts import Experiment, intents, speech_recognition
from .s3prl_experiment import NAME, experiment

WORDS = ("yes", "no", "up")


def manifest(folder: Path, labels: list[str], column: str = "word") -> Path:
    """A manifest of noise, one file a label."""
    generator = np.random.default_rng(0)
    rows = []
    for index, label in enumerate(labels):
        write_audio(folder / f"{index}.wav", 0.1 * generator.standard_normal(6000).astype(np.float32))
        rows.append([f"{index}.wav", label])
    with (folder / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", column], *rows])
    return folder / "m.csv"


def _exported(folder: Path, trained: Path, *options: str) -> Path:
    pytest.importorskip("onnxruntime")
    if not CAN_EXPORT:
        pytest.skip(LACKING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
        line = ["export", NAME, "--format", "onnx", "--head", str(trained), "-o", str(folder / "out"), *options]
        assert cli.main(line) == 0
    return folder


@pytest.fixture(scope="session")
def with_head(tmp_path_factory) -> Path:
    """A folder with an experiment of KS, `ks`, and its export, `out`."""
    folder = tmp_path_factory.mktemp("full")
    return _exported(folder, experiment(folder / "ks"))


@pytest.fixture(scope="session")
def in_eight_bits(tmp_path_factory) -> Path:
    """The same in eight bits; the loss was measured on `m.csv`, 12 files `0.wav`, ... of `WORDS` in turn."""
    folder = tmp_path_factory.mktemp("int8")
    listed = manifest(folder, [WORDS[index % 3] for index in range(12)])
    return _exported(folder, experiment(folder / "ks"), "--int8", "--measure", str(listed))


@pytest.fixture(scope="session")
def text_head(tmp_path_factory) -> tuple[Path, Experiment]:
    """A folder with an experiment of ASR, `head`, and its export, `out`; the experiment."""
    folder = tmp_path_factory.mktemp("asr")
    made = speech_recognition(folder / "head")
    return _exported(folder, made.folder), made


@pytest.fixture(scope="session")
def intent_head(tmp_path_factory) -> tuple[Path, Experiment]:
    """The same of IC."""
    folder = tmp_path_factory.mktemp("ic")
    made = intents(folder / "head")
    return _exported(folder, made.folder), made
