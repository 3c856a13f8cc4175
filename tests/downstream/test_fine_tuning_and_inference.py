"""`-f` and `-m inference` on a cut upstream, through s3prl's own runner."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune import run_downstream as run

from .conftest import SHORT, SMALL_ASR, override


def program(*arguments: object) -> None:
    assert run.main([str(argument) for argument in arguments]) == 0


@pytest.fixture(autouse=True)
def environment(corpora, monkeypatch, tmp_path):
    for key, value in {**corpora, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(tmp_path)


def checkpoint(path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=False)


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
