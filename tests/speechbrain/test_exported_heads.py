"""A fine-tuned head travels with its encoder and says what SpeechBrain's own evaluation says of the same files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import speechbrain as sb
import torch
from speechbrain.dataio.encoder import CTCTextEncoder
from speechbrain.lobes.models.VanillaNN import VanillaNN
from speechbrain.nnet.linear import Linear

import s3prl_convexprune as cp
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.deploy import onnx_export
from s3prl_convexprune.deploy.heads import read_head
from s3prl_convexprune.errors import CheckpointError, ConfigError
from s3prl_convexprune.speechbrain import PrunedUpstream
from s3prl_convexprune.speechbrain.classifier import mean_over_frames
from s3prl_convexprune.speechbrain.recipe import load_hparams
from s3prl_convexprune.upstreams.finetuned import find_run
from s3prl_convexprune.upstreams.names import resolve
from tests.speechbrain.conftest import CUT, load_recipe


def evaluated(folder) -> dict[str, tuple[str, np.ndarray]]:
    """Utterance of the test set -> its file, and the log-probabilities of the recipe's Brain, one file at a time."""
    recipe, hparams = load_recipe("ks"), load_hparams(folder / "hyperparams.yaml", "")
    datasets, _ = recipe.dataio_prep(hparams)
    brain = recipe.brain(hparams["modules"], hparams=hparams, run_opts={"device": "cpu"})
    hparams["checkpointer"].recover_if_possible(min_key=brain.criterion)
    brain.modules.eval()
    found = {}
    with torch.no_grad():
        for batch in brain.make_dataloader(datasets["test"], sb.Stage.TEST, batch_size=1):
            name = datasets["test"].data[batch.id[0]]["wav"]
            found[batch.id[0]] = (name, brain.compute_forward(batch, sb.Stage.TEST)[0].numpy())
    return found


@pytest.mark.slow
def test_predict_says_what_the_recipes_evaluation_says(finetuned, corpora, checkpoint, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(onnx_export, "LENGTHS", (0.1, 1.0))
    line = ["export", CUT, "-k", checkpoint("hubert-post"), "--format", "onnx", "--head", str(finetuned)]
    assert main([*line, "-o", str(tmp_path / "out")]) == 0
    predictor, expected = cp.load(tmp_path / "out"), evaluated(finetuned)
    assert predictor.facts.labels == ("bed", "no", "yes") and len(expected) == 12
    assert predictor.facts.finetuned.checkpoint == find_run(finetuned).checkpoint.name
    for path, scores in expected.values():
        chances = predictor(load_audio(path.replace("$data_root", str(corpora["ks"]))))
        logs = np.log([chances[label] for label in predictor.facts.labels])
        np.testing.assert_allclose(logs, scores, atol=1e-4)


@pytest.mark.parametrize("setting", ["last", "weighted", "not normalised", "one layer of the whole upstream"])
def test_a_head_gives_the_logits_of_the_lobe_and_the_classifier(setting, finetuned, checkpoint, tmp_path):
    name, depth, ckpt = CUT, 2, checkpoint("hubert-post")
    layer = {"weighted": "weighted", "one layer of the whole upstream": 1}.get(setting, "last")
    if layer == 1:
        name, depth = "hubert_custom", 1
    lobe = PrunedUpstream(name, ckpt=ckpt, layer=layer, output_norm=setting != "not normalised").eval()
    if layer == "weighted":
        torch.nn.init.normal_(lobe.weights)
    folder = shutil.copytree(finetuned, tmp_path / "run")
    run = find_run(folder)
    torch.save(lobe.state_dict(), run.checkpoint / "lobe.ckpt")
    change(folder / "hyperparams.yaml", r"(?m)^  layer: last", f"  layer: {layer}")
    change(folder / "hyperparams.yaml", "output_norm: true", f"output_norm: {str(lobe.output_norm).lower()}")
    change(folder / "record.json", CUT, name)
    change(folder / "record.json", '"layers": 2', f'"layers": {depth}')
    head = read_head(folder, resolve(f"hubert_custom_convexpruned_L{depth}"))
    held = torch.load(run.checkpoint / "head.ckpt", weights_only=True)
    wav = 0.1 * torch.randn(1, 9000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = lobe.upstream([wav[0]])["hidden_states"]
        expected = torch.nn.functional.linear(mean_over_frames(lobe(wav), torch.ones(1)), *held.values())[:, :3]
        np.testing.assert_allclose(head.layer(list(states)), expected, atol=1e-5)
    assert (head.task, head.labels) == ("ks", ("bed", "no", "yes"))


def written_by_asr(folder, ckpt) -> Callable[[torch.Tensor], tuple[torch.Tensor, str]]:
    """A run of ASR with random weights, made of one of KS; and what its recipe's modules give for a waveform."""
    lobe = PrunedUpstream(CUT, ckpt=ckpt, output_norm=True).eval()
    enc = VanillaNN([None, None, 32], activation=torch.nn.LeakyReLU, dnn_blocks=2, dnn_neurons=24)
    output, encoder = Linear(input_size=24, n_neurons=8), CTCTextEncoder()
    encoder.insert_blank(index=0)
    encoder.update_from_iterable(" AELT", sequence_input=False)
    for parameter in (*enc.parameters(), *output.parameters()):
        torch.nn.init.normal_(parameter)
    run = find_run(folder)
    torch.save(lobe.state_dict(), run.checkpoint / "lobe.ckpt")
    torch.save(torch.nn.ModuleList([enc, output]).state_dict(), run.checkpoint / "head.ckpt")
    encoder.save(folder / "save" / "label_encoder.txt")
    change(folder / "record.json", '"task": "ks"', '"task": "asr"')
    change(folder / "hyperparams.yaml", "(?m)^lobe:", "activation: &id099 !name:torch.nn.LeakyReLU\\nlobe:")

    def write(wav: torch.Tensor) -> tuple[torch.Tensor, str]:
        with torch.no_grad():
            logits = output(enc(lobe(wav[None])))
        tokens = sb.decoders.ctc_greedy_decode(logits[..., :6], torch.ones(1), blank_id=0)[0]
        return logits, " ".join("".join(encoder.decode_ndim(tokens)).split())

    return write


def test_characters_are_those_of_the_recipes_modules(finetuned, checkpoint, tmp_path):
    folder = shutil.copytree(finetuned, tmp_path / "run")
    write = written_by_asr(folder, checkpoint("hubert-post"))
    wav = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(1))
    logits, text = write(wav)
    head, upstream = read_head(folder, resolve(CUT)), PrunedUpstream(CUT, ckpt=checkpoint("hubert-post")).upstream
    with torch.no_grad():
        found = head.layer(list(upstream.eval()([wav])["hidden_states"]))
    np.testing.assert_allclose(found, logits, atol=1e-4)
    assert head.labels == ("", " ", "A", "E", "L", "T", "", "")
    assert " ".join(head.said(logits[0, :, :6].numpy())) == text and len(set(text)) > 1
    change(folder / "hyperparams.yaml", "LeakyReLU", "ReLU")
    with pytest.raises(ConfigError, match="has the activation name:torch.nn.ReLU, not the recipe's LeakyReLU"):
        read_head(folder, resolve(CUT))


def change(path, pattern, by) -> None:
    text = path.read_text()
    path.write_text(re.sub(pattern, by, text))


BAD = {
    "another cut": ("record.json", '"layers": 2', '"layers": 1', ConfigError, f"fine-tuned {CUT} with 1 layers, not"),
    "asr": (
        "record.json",
        '"task": "ks"',
        '"task": "asr"',
        ConfigError,
        "other layers than the head of the recipe for asr",
    ),
    "no lobe": ("hyperparams.yaml", "lobe:", "loba:", CheckpointError, "describes no lobe"),
    "layernorm": ("hyperparams.yaml", "output_norm", "layernorm", ConfigError, "its lobe has layernorm"),
    "states to weigh": ("hyperparams.yaml", "  layer: last", "  layer: weighted", CheckpointError, "does not fit"),
    "labels twice": ("save/label_encoder.txt", "=> 2", "=> 1", CheckpointError, "does not number its labels"),
    "code for a label": ("save/label_encoder.txt", "'bed'", "open(0)", CheckpointError, "not a label encoder"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_run_that_does_not_fit_is_refused(case, finetuned, tmp_path):
    file, pattern, by, kind, says = BAD[case]
    folder = shutil.copytree(finetuned, tmp_path / "run")
    change(folder / file, pattern, by)
    with pytest.raises(kind, match=says) as caught:
        read_head(folder, resolve(CUT))
    assert "\n" not in str(caught.value)


HEADS = {
    "two layers": ("ks", {"0.w.weight": torch.ones(3, 32), "1.w.weight": torch.ones(3, 3)}),
    "a vector": ("ks", {"0.w.weight": torch.ones(3), "0.w.bias": torch.ones(3)}),
    "another bias": ("ks", {"0.w.weight": torch.ones(3, 32), "0.w.bias": torch.ones(4)}),
    "no tensor": ("ks", {"0.w.weight": 3, "0.w.bias": torch.ones(3)}),
    "layers that do not follow each other": (
        "asr",
        {"0.linear.w.weight": torch.ones(8, 32), "0.linear.w.bias": torch.ones(8)}
        | {"1.w.weight": torch.ones(5, 9), "1.w.bias": torch.ones(5)},
    ),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_of_other_layers_is_refused(case, finetuned, tmp_path):
    task, head = HEADS[case]
    folder = shutil.copytree(finetuned, tmp_path / "run")
    change(folder / "record.json", '"task": "ks"', f'"task": "{task}"')
    torch.save(head, find_run(folder).checkpoint / "head.ckpt")
    with pytest.raises(ConfigError, match=f"other layers than the head of the recipe for {task}"):
        read_head(folder, resolve(CUT))
