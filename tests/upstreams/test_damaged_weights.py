"""A weight that is missing, mis-shaped or no number: an error that names it, whole, cut and exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.export import export_cut
from tests.checkpoints import CASES

TRANSFORMERS = ["hf_hubert-post", "hf_wav2vec2-pre", "hf_wavlm-post"]
NATIVE = {  # the key of the weights, and one of a kept layer's
    "hubert-post": ("model_weight", "encoder.layers.0.fc1.weight"),
    "wav2vec2-pre": ("model_weight", "encoder.layers.0.fc1.weight"),
    "wavlm-post": ("model", "encoder.layers.0.fc1.weight"),
    "data2vec-post": ("model_weight", "encoder.layers.0.fc1.weight"),
    "mockingjay-post": ("Transformer", "encoder.layer.0.output.dense.weight"),
    "decoar2-post": ("model", "encoder.layers.0.fc1.weight"),
    "distilhubert-post": ("Distiller", "encoder.layers.0.fc1.weight"),
    "mae_ast-post": ("model", "encoder.layers.0.fc1.weight"),
}
NAMED_WITH_PATH = ("decoar2", "mockingjay", "distilhubert")
KEPT = "encoder.layers.0.feed_forward.intermediate_dense.weight"


def ways(name: str, path: Path, tmp_path: Path):
    """What can be done with a checkpoint: `(what it is called, a function that must raise)`."""
    case = CASES[name]
    yield "whole", lambda: registry.build_upstream(case.entry, ckpt=str(path))
    yield "cut", lambda: registry.build_upstream(f"{case.entry}_convexpruned_L1", ckpt=str(path))
    if name not in ("decoar2-post", "distilhubert-post"):
        norm = "keep" if name.endswith("pre") else "drop"
        base = getattr(registry.load_hub(), case.entry)
        out = tmp_path / "exported"
        yield "export", lambda: export_cut(base, case.entry, 1, out, norm, ckpt=str(path))


def refused(name: str, path: Path, tmp_path: Path, *reasons: str) -> None:
    for way, act in ways(name, path, tmp_path):
        with pytest.raises(CheckpointError) as error:
            act()
        said = str(error.value)
        assert str(path) in said or (way == "whole" and not name.startswith(NAMED_WITH_PATH)), (way, said)
        assert all(reason in said for reason in reasons), (way, said)
        assert "\n" not in said and "s3prl_convexprune-" not in said and ".exported" not in said
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name}  # nothing was exported


def damaged(weights: dict[str, torch.Tensor], key: str, how: str) -> tuple[str, ...]:
    """Spoil one weight; returns what the error must say."""
    if how == "missing":
        del weights[key]
    elif how == "shape":
        weights[key] = torch.zeros(5, 7)
    else:
        weights[key] = weights[key].clone()
        weights[key].view(-1)[3] = float(how)
        return key, "NaN or infinity"
    return (key,)


@pytest.mark.parametrize("how", ["missing", "shape", "nan", "inf"])
@pytest.mark.parametrize("name", NATIVE)
def test_native(name, how, checkpoint, tmp_path):
    states = torch.load(checkpoint(name), weights_only=False)
    holder, key = NATIVE[name]
    reasons = damaged(states[holder], key, how)
    torch.save(states, tmp_path / "bad.pt")
    refused(name, tmp_path / "bad.pt", tmp_path, *reasons)


def folder_with(path: Path, tmp_path: Path, **config: object) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = Path(shutil.copytree(path, tmp_path / "bad"))
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | config))
    return folder, load_file(folder / "model.safetensors")


@pytest.mark.parametrize("how", ["missing", "shape", "nan", "inf"])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformers_folder(name, how, checkpoint, tmp_path):
    folder, weights = folder_with(checkpoint(name), tmp_path)
    reasons = damaged(weights, KEPT, how)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refused(name, folder, tmp_path, *reasons)


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("stated", [5, 150, 10**9, -1, 2.5, "12", None, True])
def test_layers_that_the_weights_do_not_have(name, stated, checkpoint, tmp_path):
    folder, _ = folder_with(checkpoint(name), tmp_path, num_hidden_layers=stated)
    with pytest.raises(CheckpointError, match="num_hidden_layers"):
        registry.build_upstream(CASES[name].entry, ckpt=str(folder))


def test_a_cut_below_what_is_not_there_is_refused_too(checkpoint, tmp_path):
    """It would be called the first 2 layers of 24."""
    folder, _ = folder_with(checkpoint("hf_hubert-post"), tmp_path, num_hidden_layers=24)
    refused("hf_hubert-post", folder, tmp_path, "num_hidden_layers 24", "have 4")
    states = torch.load(checkpoint("hubert-post"), weights_only=False)
    states["model_cfg"]["encoder_layers"] = 24
    torch.save(states, tmp_path / "bad.pt")
    for way, act in ways("hubert-post", tmp_path / "bad.pt", tmp_path):
        if way != "whole":  # s3prl's own loader names the first weight that is missing
            with pytest.raises(CheckpointError, match="encoder_layers 24, its weights have 4"):
                act()


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_what_evaluation_does_not_read_may_be_absent_and_both_spellings_are_one(name, checkpoint, tmp_path):
    """A fine-tuned model: no mask embedding, a prefix, a head of its own, and the old names of a weight norm."""
    whole = registry.build_upstream(CASES[name].entry, ckpt=str(checkpoint(name))).eval()
    folder, weights = folder_with(checkpoint(name), tmp_path)
    prefix = name.removeprefix("hf_").split("-")[0]
    pairs = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    renamed = {}
    for key, weight in weights.items():
        for new, old in pairs.items():
            key = key.replace(new, old)
        if key != "masked_spec_embed":
            renamed[f"{prefix}.{key}"] = weight
    assert any(key.endswith("weight_g") for key in renamed)
    save_file(renamed | {"lm_head.weight": torch.zeros(3, 3)}, folder / "model.safetensors", {"format": "pt"})
    wavs = [torch.randn(8000, generator=torch.Generator().manual_seed(1))]
    with torch.no_grad():
        expected = whole(wavs)["hidden_states"]
        for entry in (CASES[name].entry, f"{CASES[name].entry}_convexpruned_L2"):
            states = registry.build_upstream(entry, ckpt=str(folder)).eval()(wavs)["hidden_states"]
            assert all(torch.equal(one, other) for one, other in zip(states[:2], expected, strict=False))


def test_a_damaged_layer_above_the_cut_is_no_matter(checkpoint, tmp_path):
    folder, weights = folder_with(checkpoint("hf_hubert-post"), tmp_path)
    damaged(weights, KEPT.replace("layers.0", "layers.3"), "nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert registry.build_upstream("hf_hubert_custom_convexpruned_L2", ckpt=str(folder)) is not None
