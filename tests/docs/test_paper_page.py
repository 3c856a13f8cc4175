"""The page on the paper: its table of cuts against the architectures themselves, without weights."""

from __future__ import annotations

import re

import pytest
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.paper import CHANGES, DEPTHS
from s3prl_convexprune.upstreams.cost import count_params

from .blocks import ROOT

compat.apply()

from s3prl_convexprune.upstreams.random_init import SIZES, random_model  # noqa: E402

PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
#: WavLM's own initialisation does not run without memory for the weights.
MODELS = {
    "wav2vec2": ("wav2vec2", "base"),
    "hubert": ("hubert", "base"),
    "ccc_wav2vec2_base": ("hf_wav2vec2", "base"),
    "wav2vec2_large_ll60k": ("wav2vec2", "large"),
    "hubert_large_ll60k": ("hubert", "large"),
}


@pytest.mark.parametrize("name", MODELS)
def test_parameters_of_the_cuts(name):
    architecture, size = MODELS[name]
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    whole_stated, *cuts_stated = (float(number) for number in re.findall(r"([\d.]+) M", row))
    saved_stated = [int(number) for number in re.findall(r"M \((-\d+) %\)", row)]
    with torch.device("meta"):
        model = random_model(architecture, size)
    whole, layers = count_params(model), SIZES[size]["layers"]
    assert round(whole / 1e6, 1) == whole_stated
    for label, stated, saved in zip(("word", "speaker"), cuts_stated, saved_stated, strict=True):
        depth = DEPTHS[label][layers]
        assert f"L{depth}: {stated} M" in row
        dropped = count_params(model.encoder.layers[depth:])
        dropped += count_params(model.encoder.layer_norm) if SIZES[size]["pre_norm"] else 0
        assert round((whole - dropped) / 1e6, 1) == stated
        assert round(-100 * dropped / whole) == saved


def test_the_posters_rows():
    for label, row in CHANGES.items():
        numbers = " | ".join(f"{value:+g} %" for value in (row.accuracy, row.training_time, row.inference_time))
        assert f"| {label}s | {numbers} |" in PAGE
