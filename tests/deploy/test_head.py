"""A trained head travels with the graph and gives the logits of s3prl's own modules; what does not fit is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import s3prl_convexprune as cp
from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import ArtifactError, AudioError, CheckpointError, ConfigError
from s3prl_convexprune.fingerprint import file_sha256
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


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="expected the folder of an s3prl experiment"):
        read_head(tmp_path, resolve(NAME))
