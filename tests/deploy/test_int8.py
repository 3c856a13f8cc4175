"""Eight bits: quiet rows keep their own scale, and what is said about the loss is what the artifact does."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.deploy import onnx_export
from s3prl_convexprune.deploy.exported import read_exported
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.deploy.loss import _samples, _score, read_recordings
from s3prl_convexprune.deploy.parity import session
from s3prl_convexprune.deploy.quantise import quantise
from s3prl_convexprune.errors import AudioError, ConfigError, CorpusError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.names import resolve
from s3prl_convexprune.verbs import export
from tests.checkpoints import CASES

from .conftest import WORDS, manifest
from .s3prl_experiment import NAME, experiment, logits
from .test_transformers_folder import PUBLISHED

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_what_is_said_of_the_loss_is_what_the_artifact_does(in_eight_bits):
    from s3prl_convexprune.deploy.predict import load

    facts, predictor = read_exported(in_eight_bits / "out"), load(in_eight_bits / "out")
    loss = facts.quantised.measured
    assert loss.utterances == 12 and loss.seconds == pytest.approx(12 * 6000 / 16000)
    assert loss.manifest_sha256 == hashlib.sha256((in_eight_bits / "m.csv").read_bytes()).hexdigest()
    assert len(loss.relative) == 2 and all(0 < relative < 0.05 for relative in loss.relative)
    full, eight, apart = [], [], []
    for index in range(12):
        wav, truth = load_audio(in_eight_bits / f"{index}.wav"), facts.labels.index(WORDS[index % 3])
        exact, found = logits(in_eight_bits / "ks", [torch.from_numpy(wav)])[0].numpy(), predictor.output(wav)[0]
        full.append(exact.argmax() == truth)
        eight.append(found.argmax() == truth)
        apart.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert 0 < max(apart) < 0.05
    score = loss.score
    assert (score.full, score.eight) == pytest.approx((100 * np.mean(full), 100 * np.mean(eight)))
    assert score.lost == sum(one and not other for one, other in zip(full, eight, strict=True))


@pytest.mark.slow
def test_the_graph_is_in_eight_bits_and_as_small(in_eight_bits):
    model, facts = onnx.load(in_eight_bits / "out" / "model.onnx"), read_exported(in_eight_bits / "out").quantised
    operations = [node.op_type for node in model.graph.node]
    assert operations.count("MatMulNBits") == facts.products > 6 + 6  # the front end's, and a layer's
    assert operations.count("DequantizeLinear") == facts.stored == 1  # the positional convolution
    assert [output.name for output in model.graph.output] == ["logits"]
    assert (in_eight_bits / "out" / "model.onnx").stat().st_size < 0.35 * facts.full_bytes
    assert sorted(path.name for path in (in_eight_bits / "out").iterdir()) == ["export.json", "model.onnx", "run.py"]


def test_a_quiet_row_keeps_its_own_scale(tmp_path):
    pytest.importorskip("onnxruntime.quantization.matmul_nbits_quantizer", reason="onnxruntime before 1.22")
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((256, 64)).astype(np.float32)
    rows = generator.standard_normal((8, 256)).astype(np.float32) * 10.0 ** -np.arange(8, dtype=np.float32)[:, None]
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", 1, [8, 256])],
        [helper.make_tensor_value_info("y", 1, [8, 64])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "full")
    assert quantise(tmp_path / "full", tmp_path / "eight", 128) == (1, 0)
    found = session(tmp_path / "eight").run(None, {"x": rows})[0]
    relative = np.linalg.norm(found - rows @ weights, axis=1) / np.linalg.norm(rows @ weights, axis=1)
    assert (relative < 0.02).all()  # one scale for all rows leaves nothing of those below a hundredth of the loudest


@pytest.mark.long
@pytest.mark.parametrize("name", ["hubert-post", "wavlm-pre", "hf_wav2vec2-pre", "data2vec-post"])
def test_other_families_in_eight_bits(name, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
    registry.load_hub()
    ckpt = str(CASES[name].build(tmp_path / "ckpt", **PUBLISHED.get(name, {})))
    cut = f"{CASES[name].entry}_convexpruned_L2"
    done = export(cut, tmp_path / "out", ckpt=ckpt, format="onnx", int8=True)
    assert done.quantised.products > 12 and len(done.quantised.difference[0].relative) == 3
    assert max(max(row.relative) for row in done.quantised.difference) < 0.1


@pytest.mark.parametrize(
    "full, eight, lost, gained, p",
    [
        ("1111111111", "1111111111", 0, 0, 1.0),
        ("1111110000", "0000000000", 6, 0, 2 * 0.5**6),
        ("1111100000", "0001111111", 3, 5, 2 * 93 / 256),  # 1 + 8 + 28 + 56 of 256 ways have at most 3 of 8
    ],
)
def test_a_score_counts_what_one_alone_has_right(full, eight, lost, gained, p):
    score = _score("ks", *(np.array([digit == "0" for digit in row]) for row in (full, eight)))
    assert (score.lost, score.gained, score.p) == (lost, gained, pytest.approx(p))
    value, low, high = score.difference
    assert value == pytest.approx(score.eight - score.full) == pytest.approx(10 * (gained - lost))
    assert low <= value <= high and (low < high) == bool(lost + gained)
    assert score.within_margin == (lost == 0), "ten answers cannot show that one in a hundred at most is lost"


@pytest.mark.parametrize(
    "labels, column, says",
    [
        (["yes"] * 9, "word", "has 9 utterances to measure on; expected 10 or more"),
        (["yes"] * 9 + ["yess"], "word", "knows no word 'yess' .9.wav.; did you mean 'yes'?"),
        (["yes"] * 10, "words", "0.wav has no label 'word'; did you mean 'words'?"),
    ],
)
def test_recordings_that_cannot_be_measured_on_are_refused(labels, column, says, tmp_path):
    head = read_head(experiment(tmp_path / "ks"), resolve(NAME))
    with pytest.raises(CorpusError, match=says):
        read_recordings(manifest(tmp_path, labels, column), head)


def test_the_split_test_is_what_counts(tmp_path):
    lines = ["path,word,split", *(f"{at}.wav,yes,{'test' if at < 10 else 'train'}" for at in range(15))]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    assert [row.path.name for row in read_recordings(tmp_path / "m.csv", None).rows] == [
        f"{at}.wav" for at in range(10)
    ]


def test_a_segment_beyond_its_file_is_named(tmp_path):
    manifest(tmp_path, ["yes"])
    with pytest.raises(AudioError, match=r"0.wav from 0.37 to 2 s: has 80 samples, expected 400 or more"):
        _samples(Utterance(tmp_path / "0.wav", start=0.37, end=2.0))


def test_a_segment_is_read_as_it_lies_in_its_file(tmp_path):
    manifest(tmp_path, ["yes"])
    whole = _samples(Utterance(tmp_path / "0.wav"))
    np.testing.assert_array_equal(_samples(Utterance(tmp_path / "0.wav", start=0.1, end=0.3)), whole[1600:4800])


def test_measure_without_int8_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--measure says what --int8 loses"):
        export(NAME, tmp_path / "out", format="onnx", measure=tmp_path / "m.csv")
