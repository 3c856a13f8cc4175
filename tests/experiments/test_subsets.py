"""Layers dropped from the middle: the model that is written computes what is left, in every family it is done for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from s3prl_convexprune.errors import ArtifactError, ConfigError
from s3prl_convexprune.experiments import subsets
from s3prl_convexprune.experiments.cuts import put_on_hub
from s3prl_convexprune.experiments.study import Base
from s3prl_convexprune.experiments.subsets import subset_name, write_subset
from s3prl_convexprune.fingerprint import weights_sha256
from s3prl_convexprune.upstreams.config_search import SEARCH_PATH_VARIABLE
from s3prl_convexprune.upstreams.registry import build_upstream
from tests.checkpoints import CASES, LAYERS

KEPT = [layer for layer in range(1, LAYERS + 1) if layer != 2]
FAMILIES = ["hf_hubert-post", "hf_hubert-pre", "hf_wav2vec2-pre", "hf_wavlm-post", "hf_whisper-pre", "hubert-post"]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, "")
    put_on_hub(tmp_path)


def states(expert) -> tuple[torch.Tensor, ...]:
    wav = 0.1 * torch.randn(8000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return expert.eval()([wav])["hidden_states"]


def stack(expert):
    return expert.model.layers if hasattr(expert.model, "layers") else expert.model.encoder.layers


def write(base: Base, layers: list[int], output: Path) -> str:
    """A subset of the upstream that was analysed."""
    return write_subset(base, layers, output, weights_sha256(build_upstream(base.entry, ckpt=base.ckpt)))


@pytest.mark.parametrize("case", FAMILIES)
def test_what_is_left_computes_as_before(case, tmp_path, hub):
    """The layers below the gap give the whole model's states; the one above it reads the state below."""
    path = CASES[case].make(tmp_path, LAYERS)
    base = Base("base", CASES[case].entry, str(path))
    name = write(base, KEPT, tmp_path)
    assert name == subset_name(base, KEPT) == write(base, KEPT, tmp_path)
    whole, subset = build_upstream(base.entry, ckpt=base.ckpt), build_upstream(name)
    before, after = states(whole), states(subset)
    assert len(after) == len(KEPT) + 1
    for k in (0, 1):
        torch.testing.assert_close(after[k], before[k], rtol=1e-3, atol=1e-4)
    del stack(whole)[1]
    for ours, theirs in zip(after, states(whole), strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(after[2], before[2], atol=1e-2)


def test_wavlms_positions_outlive_their_layer(tmp_path, hub):
    """Every layer is given the bias that the first one made of the positions, which is dropped here."""
    case = CASES["hf_wavlm-post"]
    base = Base("base", case.entry, str(case.make(tmp_path, LAYERS)))
    whole = build_upstream(base.entry, ckpt=base.ckpt).eval()
    below = states(whole)[0]
    first, second = stack(whole)[:2]
    with torch.no_grad():
        _, bias = first(below, position_bias=None)[:2]
        expected = second(below, position_bias=bias)[0]
    after = states(build_upstream(write(base, list(range(2, LAYERS + 1)), tmp_path)))
    torch.testing.assert_close(after[1], expected, rtol=1e-3, atol=1e-4)


def test_what_the_hub_could_not_load_is_not_written(tmp_path):
    case = CASES["data2vec-post"]
    with pytest.raises(ConfigError, match="is done for hf_hubert"):
        write(Base("base", case.entry, str(case.make(tmp_path, LAYERS))), KEPT, tmp_path)
    assert not list((tmp_path / "models").glob("*/config.json"))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_checkpoint_that_was_replaced_is_refused(when, tmp_path):
    """Its old subset would be scored beside the new whole upstream."""
    base = Base("base", CASES["hubert-post"].entry, str(CASES["hubert-post"].make(tmp_path, LAYERS)))
    if when == "after":
        write(base, KEPT, tmp_path)
    with pytest.raises(ArtifactError, match="was made of other weights than the analysis of base"):
        write_subset(base, KEPT, tmp_path, "0" * 64)


def test_two_shards_that_write_one_leave_one(tmp_path, monkeypatch):
    base = Base("base", CASES["hubert-post"].entry, str(CASES["hubert-post"].make(tmp_path, LAYERS)))
    inner = subsets._write

    def slow(*given):
        monkeypatch.setattr(subsets, "_write", inner)
        write(base, KEPT, tmp_path)
        return inner(*given)

    monkeypatch.setattr(subsets, "_write", slow)
    folder = tmp_path / "models" / write(base, KEPT, tmp_path)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert all(path.is_file() for path in folder.iterdir())


def test_a_whisper_without_a_layer_says_how_many_it_has(tmp_path, hub):
    case = CASES["hf_whisper-pre"]
    base = Base("base", case.entry, str(case.make(tmp_path, LAYERS)))
    config = json.loads((tmp_path / "models" / write(base, KEPT, tmp_path) / "config.json").read_text())
    assert config["encoder_layers"] == len(KEPT)
