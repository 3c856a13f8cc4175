"""The shipped model: loads offline under both of s3prl's names, and its layers know more than random ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import s3prl_convexprune  # noqa: F401
from s3prl_convexprune.demo.corpus import demo_clips, demo_model_path, read_clip
from s3prl_convexprune.upstreams.convert import hf_to_s3prl
from tools.pretrain.probe import held_out_accuracy, pooled_states


def test_size_fits_a_repository() -> None:
    assert sum(path.stat().st_size for path in demo_model_path().rglob("*") if path.is_file()) < 6e6


@pytest.mark.usefixtures("offline")
def test_both_of_s3prls_loaders_give_the_same_thirteen_states(tmp_path: Path) -> None:
    from s3prl import hub

    whole = hub.hf_hubert_custom(ckpt=str(demo_model_path())).eval()
    assert {parameter.dtype for parameter in whole.parameters()} == {torch.float32}
    assert whole.extracter.do_normalize is False
    native = hub.hubert_custom(ckpt=str(hf_to_s3prl(demo_model_path(), tmp_path / "tiny.pt"))).eval()
    wav = [torch.from_numpy(read_clip(demo_clips()[0]["path"]))]
    with torch.no_grad():
        states, others = whole(wav)["hidden_states"], native(wav)["hidden_states"]
    assert len(states) == len(others) == 13
    for state, other in zip(states, others, strict=True):
        torch.testing.assert_close(state, other, atol=1e-5, rtol=1e-5)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_nothing_drops_layers_or_masks_in_training_mode() -> None:
    config = json.loads((demo_model_path() / "config.json").read_text())
    assert config["layerdrop"] == 0.0 and config["apply_spec_augment"] is False
    assert config["dtype"] == "float32"


def test_every_layer_knows_more_about_words_than_the_same_layer_untrained() -> None:
    from transformers import HubertModel

    words, speakers = ("yes", "no", "stop", "left", "happy"), [f"flite_{n}" for n in ("slt", "awb", "rms")]
    speakers += ["espeak_us_f1", "espeak_rp_lee", "espeak_scotland_steph"]
    chosen = [c for c in demo_clips() if c["word"] in words and c["speaker"] in speakers]
    clips = [read_clip(clip["path"]) for clip in chosen]
    labels = np.array([clip["word"] for clip in chosen])
    folds = np.array([speakers.index(clip["speaker"]) % 3 for clip in chosen])
    trained = HubertModel.from_pretrained(demo_model_path()).eval()
    torch.manual_seed(0)
    untrained = HubertModel(trained.config).eval()
    accuracies = [
        [held_out_accuracy(points[:, layer], labels, folds) for layer in range(13)]
        for points in (pooled_states(trained, clips), pooled_states(untrained, clips))
    ]
    assert all(after > before for after, before in zip(*accuracies, strict=True)), accuracies
