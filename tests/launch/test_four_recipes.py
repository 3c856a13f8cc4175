"""Train, resume, evaluate: the four shipped recipes through s3prl's own runner, upstreams whole and cut."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune.superb import run

from .conftest import SHORT, SMALL_ASR, override

DOWNSTREAMS = ("speech_commands", "voxceleb1", "emotion", "asr")


def program(*arguments: object) -> None:
    assert run.main([str(argument) for argument in arguments]) == 0


@pytest.fixture(autouse=True)
def environment(corpora, monkeypatch, tmp_path):
    for key, value in {**corpora, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(tmp_path)


def checkpoint(path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=False)


@pytest.mark.parametrize("upstream", ["hubert_custom", "hubert_custom_convexpruned_L2"])
@pytest.mark.parametrize("downstream", DOWNSTREAMS)
def test_train_resume_evaluate(hubert, tmp_path, capsys, downstream, upstream):
    small = SMALL_ASR if downstream == "asr" else {}
    common = ["-m", "train", "-u", upstream, "-k", hubert, "-d", downstream, "--device", "cpu"]
    program(*common, "-p", "whole", "-o", override(SHORT, small, {"config.runner.total_steps": 3}))
    program(*common, "-p", "parts", "-o", override(SHORT, small))
    program("-m", "train", "-e", "parts", "--device", "cpu", "-o", "config.runner.total_steps=3")
    split = "test-clean" if downstream == "asr" else "test"
    program("-m", "evaluate", "-e", "parts/states-3.ckpt", "-t", split, "--device", "cpu")
    assert f"{split} " in capsys.readouterr().out

    resumed = checkpoint("parts/states-3.ckpt")
    assert resumed["Step"] == 3
    layers = 5 if upstream == "hubert_custom" else 3
    assert resumed["Featurizer"]["weights"].shape == (layers,)
    assert {key: value.shape for key, value in resumed["Downstream"].items()} == {
        key: value.shape for key, value in checkpoint("whole/states-3.ckpt")["Downstream"].items()
    }


def test_fine_tuning_reaches_the_cut_upstream(hubert, tmp_path):
    program(
        *("-m", "train", "-u", "hubert_custom_convexpruned_L2", "-k", hubert, "-d", "emotion", "-p", "tuned", "-f"),
        *("--device", "cpu", "-o", override(SHORT, {"config.optimizer.lr": 0.01})),
    )
    last = checkpoint("tuned/states-2.ckpt")
    assert any("encoder.layers.1." in name for name in last["Upstream"])
    assert not any("encoder.layers.2." in name for name in last["Upstream"])
    program("-m", "evaluate", "-e", "tuned", "--device", "cpu")


def test_inference_on_one_file(hubert, tmp_path, corpora):
    program(
        *("-m", "train", "-u", "hubert_custom_convexpruned_L2", "-k", hubert, "-d", "asr", "-p", "asr"),
        *("--device", "cpu", "-o", override(SHORT, SMALL_ASR)),
    )
    clip = corpora["S3PRL_CONVEXPRUNE_DATA_LIBRISPEECH"] + "/test-clean/3/10/3-10-0000.flac"
    program("-m", "inference", "-t", clip, "-e", "asr", "--device", "cpu")
    assert (tmp_path / "asr" / "inference.ark").read_text().startswith("3-10-0000")
