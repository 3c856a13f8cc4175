"""The corpus of tones, its checkpoint and an analysis of it, once for the files about `analyze`."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from s3prl_convexprune import compat
from s3prl_convexprune.cli.main import main

compat.apply()

from tests.analysis.tones import CASE, WORDS, arguments  # noqa: E402


@pytest.fixture(scope="session")
def ckpt(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("ckpt")))


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def artifact(ckpt, manifest, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "analysis.json"
    assert main(arguments(ckpt, manifest, output)) == 0
    return output
