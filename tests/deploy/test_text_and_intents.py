"""ASR and IC travel: text and slots are those of s3prl's own experts on the same waveforms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import s3prl_convexprune as cp
from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy import onnx_export
from s3prl_convexprune.deploy.exported import read_exported
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.deploy.loss import _text_score, read_recordings
from s3prl_convexprune.errors import ConfigError, CorpusError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.names import resolve
from s3prl_convexprune.verbs import export

from .conftest import manifest
from .own_experts import LETTERS, intents, speech_recognition
from .s3prl_experiment import NAME

WAV = 0.1 * torch.randn(24000, generator=torch.Generator().manual_seed(1))
SLOTS = {
    "action": ["increase", "decrease", "activate"],
    "object": ["heat", "volume", "lights"],
    "location": ["kitchen", "none", "bedroom"],
}


@pytest.mark.slow
def test_the_graph_writes_what_s3prls_expert_writes(text_head):
    folder, made = text_head
    predictor, features = cp.load(folder / "out"), made.features(WAV)
    with torch.no_grad():
        expected = torch.log_softmax(made.expert._get_log_probs(features)[0], -1)[0]
    found = torch.log_softmax(torch.from_numpy(predictor.output(WAV.numpy())), -1)[0]
    np.testing.assert_allclose(found, expected, atol=1e-2)
    text = predictor(WAV.numpy())
    assert text == made.expert.inference(features, [])[0] and len(set(text)) > 3
    facts = predictor.facts
    assert (facts.returns, facts.task) == ("characters", "asr")
    assert facts.labels == ("", "<pad>", "", "<unk>", " ", *LETTERS[1:])


@pytest.mark.slow
def test_intents_are_those_of_s3prls_expert(intent_head, capsys):
    folder, made = intent_head
    with torch.no_grad():
        features = made.features(WAV)
        logits = made.expert.model(made.expert.projector(features[0][None]), torch.tensor([len(features[0])]))[0][0]
    answer = cp.load(folder / "out")(WAV.numpy())
    for at, slot in enumerate(SLOTS):
        chances = torch.softmax(logits[3 * at : 3 * at + 3], -1)
        assert answer[slot] == pytest.approx(dict(zip(SLOTS[slot], chances.tolist(), strict=True)), abs=1e-4)
        assert next(iter(answer[slot])) == made.expert.Sy_intent[slot][int(chances.argmax())]
    wav = next((folder / "head" / "corpus").rglob("*.wav"))
    assert cli.main(["predict", str(folder / "out"), str(wav), "--top", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {slot: len(labels) for slot, labels in said[str(wav)].items()} == dict.fromkeys(SLOTS, 1)


@pytest.mark.parametrize("make", [speech_recognition, intents])
def test_a_head_gives_the_logits_of_s3prls_modules(make, tmp_path):
    made = make(tmp_path / "head")
    head, upstream = read_head(made.folder, resolve(NAME)), registry.build_upstream(NAME).eval()
    with torch.no_grad():
        features = made.features(WAV)[0][None]
        lengths = torch.tensor([features.shape[1]])
        expected = made.expert.model(made.expert.projector(features), lengths)[0]
        np.testing.assert_allclose(head.layer(upstream([WAV])["hidden_states"]), expected, atol=1e-4)
    if make is intents:
        at = [int(part.argmax()) for part in expected[0].split(3)]
        assert head.said(expected[0].numpy()) == tuple(
            SLOTS[slot][place] for slot, place in zip(SLOTS, at, strict=True)
        )


BAD = {
    "another head": (
        lambda rates: rates.update(select="Wav2Letter"),
        "of the kind Wav2Letter does not travel; RNNs does",
    ),
    "GRU": (lambda rates: rates["RNNs"].update(module="GRU"), "have module GRU; a head travels with SUPERB's LSTM"),
    "layer norm": (lambda rates: rates["RNNs"].update(layer_norm=[False, True]), "have layer_norm .False, True."),
    "other widths": (lambda rates: rates["RNNs"].update(dim=[24, 25]), "are not those of its recipe and 11 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_another_head_of_ASR_says_why_not(case, tmp_path):
    change, says = BAD[case]
    path = speech_recognition(tmp_path / "head").folder / "dev-clean-best.ckpt"
    content = torch.load(path, weights_only=False)
    change(content["Config"]["downstream_expert"]["modelrc"])
    torch.save(content, path)
    with pytest.raises(ConfigError, match=says) as caught:
        read_head(path, resolve(NAME))
    assert "\n" not in str(caught.value)


def test_error_rates_are_counted_in_words_and_characters():
    truth = [("THE", "CAT"), ("A", "DOG")]
    said = [(("THE", "CAT"), ("THE", "CUT")), (("A", "DOG"), ("DOG",))]
    score = _text_score("asr", said, truth)
    assert (score.full, score.eight) == (0, 50) and (score.full_characters, score.eight_characters) == (0, 100 * 3 / 12)
    assert score.difference[0] == 50 and score.difference[1] <= 50 <= score.difference[2]


def test_recordings_without_transcripts_are_refused(tmp_path):
    head = read_head(speech_recognition(tmp_path / "head").folder, resolve(NAME))
    with pytest.raises(CorpusError, match="no label 'transcript'"):
        read_recordings(manifest(tmp_path, ["A"] * 10, "text"), head)


@pytest.mark.long
def test_what_eight_bits_cost_is_measured_of_text_and_intents(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
    made = speech_recognition(tmp_path / "asr").folder
    listed = manifest(tmp_path, ["EAT TEA"] * 10, "transcript")
    done = export(NAME, tmp_path / "out", format="onnx", int8=True, head=made, measure=listed)
    assert done == read_exported(tmp_path / "out") and done.quantised.measured.score.full > 0
    rows = Path(listed).read_text().splitlines()
    slots = ["path,action,object,location", *(f"{row.split(',')[0]},increase,heat,none" for row in rows[1:])]
    (tmp_path / "i.csv").write_text("\n".join(slots))
    made = intents(tmp_path / "ic").folder
    done = export(NAME, tmp_path / "ints", format="onnx", int8=True, head=made, measure=tmp_path / "i.csv")
    assert done.quantised.measured.score.task == "ic"
