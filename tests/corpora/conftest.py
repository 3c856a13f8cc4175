"""Corpora in their real layout, and one as people keep it, once for all files."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.corpora.prepare import PREPARERS
from tests import tiny_corpora

BUILD = {
    "er": tiny_corpora.iemocap,
    "sid": tiny_corpora.voxceleb1,
    "asr": tiny_corpora.librispeech,
    "ks": functools.partial(tiny_corpora.speech_commands_archives, train=1, dev=1, test=0),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Every corpus once; tests that change one copy it."""
    return {task: BUILD[task](tmp_path_factory.mktemp(task)) for task in PREPARERS}


@pytest.fixture
def corpus(made, tmp_path):
    return lambda task: shutil.copytree(made[task], tmp_path / task)


@pytest.fixture(scope="session")
def audio(tmp_path_factory) -> list[Path]:
    """Four files of one second."""
    folder = tmp_path_factory.mktemp("audio")
    generator = np.random.default_rng(0)
    for number in range(4):
        soundfile.write(folder / f"u{number}.wav", 0.1 * generator.standard_normal(16_000), 16_000)
    return sorted(folder.iterdir())


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def librispeech(tmp_path_factory):
    root = tiny_corpora.librispeech(tmp_path_factory.mktemp("LibriSpeech"))
    (root / "SPEAKERS.TXT").write_text(
        ";ID  |SEX| SUBSET           |MINUTES| NAME\n19   | F | train-clean-100 | 25.03 | A\n"
    )
    return root
