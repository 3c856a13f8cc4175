"""A trained head travels with the graph and gives the logits of s3prl's own modules; what does not fit is refused."""

from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
import yaml

import s3prl_convexprune as cp
from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import ArtifactError, AudioError, CheckpointError, ConfigError
from s3prl_convexprune.fingerprint import file_sha256
from s3prl_convexprune.upstreams.config_search import SEARCH_PATH_VARIABLE
from s3prl_convexprune.upstreams.names import resolve

from .s3prl_experiment import NAME, experiment, logits


@pytest.mark.slow
def test_the_graph_gives_the_logits_of_the_experiment(with_head):
    wav = 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(1))
    expected = logits(with_head / "ks", [wav]).numpy()
    predictor = cp.load(with_head / "out")
    np.testing.assert_allclose(predictor.output(wav.numpy()), expected, atol=1e-4 * float(expected.std()) + 1e-5)
    chances = predictor(wav.numpy())
    assert len(chances) == 12 and sum(chances.values()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(AudioError, match="400 samples or more"):
        predictor(np.zeros(399))


@pytest.mark.slow
def test_predict_gives_the_likeliest_labels_of_files(with_head, tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    write_audio(tmp_path / "a.wav", samples)
    found = cp.predict(with_head / "out", [tmp_path / "a.wav"], top=2)
    whole = cp.load(with_head / "out")(load_audio(tmp_path / "a.wav"))
    assert found == {str(tmp_path / "a.wav"): dict(sorted(whole.items(), key=lambda pair: -pair[1])[:2])}


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda facts, graph: (facts, b"no graph"), "cannot be loaded by onnxruntime"),
        (lambda facts, graph: ({**facts, "labels": facts["labels"][:-1]}, graph), "gives 12 numbers for 11 labels"),
        (lambda facts, graph: ({**facts, "labels": [*facts["labels"], "x"]}, graph), "gives 12 numbers for 13 labels"),
        (lambda facts, graph: ({**facts, "labels": [*facts["labels"][:-1], "yes"]}, graph), "has one of them twice"),
        (lambda facts, graph: (facts, graph.replace(b"\x03wav", b"\x03vaw")), "takes vaw; expected wav alone"),
    ],
    ids=["no graph", "a label less", "a label more", "a label twice", "another input"],
)
def test_a_folder_that_somebody_changed_is_one_line(spoil, says, with_head, tmp_path):
    """Its checksum says who wrote it last, not that it is right."""
    wav = 0.1 * np.random.default_rng(0).standard_normal(9000)
    before = json.loads((with_head / "out" / "export.json").read_text())
    facts, graph = spoil(before, (with_head / "out" / "model.onnx").read_bytes())
    (tmp_path / "model.onnx").write_bytes(graph)
    (tmp_path / "export.json").write_text(json.dumps({**facts, "model_sha256": file_sha256(tmp_path / "model.onnx")}))
    with pytest.raises(ArtifactError, match=says) as refused:
        cp.load(tmp_path)(wav)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"upstream": "tiny_hubert"}, "was trained on tiny_hubert, not on"),
        ({"states": 13}, "weighs 13 hidden states; tiny_hubert_convexpruned_L1 has 2"),
        ({"downstream": "diarization"}, "a head of diarization does not travel"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(wrong, says, tmp_path):
    with pytest.raises(ConfigError, match=says):
        read_head(experiment(tmp_path / "ks", **wrong), resolve(NAME))


MINE = {"name": "mine", "base": "hubert_custom", "layers": 1, "base_args": {"ckpt": "a.pt"}}
OTHERS = {
    "another name for the same": ({}, None, None, None),
    "the same file by another name": ({"base_args": {"ckpt": "same.pt"}}, None, None, None),
    "another depth": ({"layers": 2}, None, None, "was trained on other, not on mine"),
    "another last LayerNorm": ({"final_norm": "keep"}, None, None, "was trained on other, not on mine"),
    "another argument": ({"base_args": {"ckpt": "a.pt", "legacy": True}}, None, None, "was trained on other, not on"),
    "another checkpoint in its config": (
        {"base_args": {"ckpt": "b.pt"}},
        None,
        None,
        "checkpoint .*b.pt, not on .*a.pt",
    ),
    "another checkpoint in the training": ({}, "b.pt", None, "checkpoint .*b.pt, not on .*a.pt"),
    "another checkpoint in the export": ({}, None, "b.pt", "checkpoint .*a.pt, not on .*b.pt"),
    "a checkpoint that was moved": ({}, "gone/a.pt", None, None),
    "another that is gone": ({}, "gone/b.pt", None, "checkpoint .*gone/b.pt, not on .*a.pt"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_head_of_another_cut_or_checkpoint_is_refused(case, tmp_path, monkeypatch):
    """Its layers would fit, and its answers be noise."""
    changed, trained_on, given, says = OTHERS[case]
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, str(tmp_path))
    for name in ("a.pt", "same.pt", "b.pt"):
        (tmp_path / name).write_text(name.replace("same", "a"))
    for name, config in (("mine", MINE), ("other", MINE | {"name": "other"} | changed)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(config))
    trained = experiment(tmp_path / "ks", upstream="other", ckpt=trained_on and str(tmp_path / trained_on))
    ckpt = given and str(tmp_path / given)
    if says is None:
        assert read_head(trained, resolve("mine"), ckpt).task == "ks"
        return
    with pytest.raises(ConfigError, match=says):
        read_head(trained, resolve("mine"), ckpt)


def test_a_checkpoint_whose_arguments_are_of_another_kind_is_refused(tmp_path):
    path = experiment(tmp_path / "ks") / "dev-best.ckpt"
    content = torch.load(path, weights_only=False)
    for args in (vars(content["Args"]), Namespace(upstream=NAME)):
        torch.save(content | {"Args": args}, path)
        with pytest.raises(CheckpointError, match="is not a checkpoint of an s3prl experiment"):
            read_head(path, resolve(NAME))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="expected the folder of an s3prl experiment"):
        read_head(tmp_path, resolve(NAME))
