"""Checkpoints that must be refused with one line, and whose code must not run."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams import registry
from tests.checkpoints import CASES

NATIVE = [
    "hubert-post",
    "wav2vec2-pre",
    "wavlm-post",
    "data2vec-post",
    "mockingjay-post",
    "mae_ast-post",
    "decoar2-post",
    "distilhubert-post",
]
TRANSFORMERS = ["hf_hubert-post", "hf_wav2vec2-pre", "hf_wavlm-post"]


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def build(name: str, path: Path, layers: int = 2):
    return registry.build_upstream(f"{CASES[name].entry}_convexpruned_L{layers}", ckpt=str(path))


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_pickled_code_is_refused_and_not_run(name, zipped, checkpoint, tmp_path):
    states = torch.load(checkpoint(name), weights_only=False)
    states["extra"] = Payload(tmp_path / "ran")
    path = tmp_path / "evil.pt"
    torch.save(states, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="pickled code .*was refused and not run"):
        build(name, path, 1)
    assert not (tmp_path / "ran").exists()


def test_the_payload_is_real(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["hubert-post", "wavlm-post", "distilhubert-post"])
def test_code_in_the_config_is_refused_and_not_run(name, checkpoint, tmp_path):
    """s3prl evaluates the list of convolutions as Python."""
    states = torch.load(checkpoint(name), weights_only=True)
    holder = states.get("model_cfg") or states.get("cfg") or states["Config"]["distiller"]
    key = next(key for key in holder if key.endswith("conv_feature_layers"))
    holder[key] = f"__import__('os').mkdir({str(tmp_path / 'ran')!r}) or {holder[key]}"
    path = tmp_path / "evil.pt"
    torch.save(states, path)
    with pytest.raises(CheckpointError, match="code in its config .*was refused and not run"):
        build(name, path, 1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_pickled_code_in_a_transformers_folder(name, checkpoint, tmp_path):
    folder = Path(shutil.copytree(checkpoint(name), tmp_path / "evil"))
    (folder / "model.safetensors").unlink()
    torch.save({"extra": Payload(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="was refused and not run"):
        build(name, folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_files(name, share, checkpoint, tmp_path):
    content = checkpoint(name).read_bytes()
    path = tmp_path / "half.pt"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="half.pt"):
        build(name, path, 1)


def test_a_truncated_file_of_the_old_format(checkpoint, tmp_path):
    whole, half = tmp_path / "whole.pt", tmp_path / "half.pt"
    torch.save(torch.load(checkpoint("hubert-post")), whole, _use_new_zipfile_serialization=False)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="half.pt is (truncated or damaged|not a checkpoint or is damaged)"):
        build("hubert-post", half)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_truncated_safetensors(name, checkpoint, tmp_path):
    folder = Path(shutil.copytree(checkpoint(name), tmp_path / "half"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        build(name, folder)


@pytest.mark.parametrize(
    "entry, other, hint",
    [
        ("hubert_custom", "wavlm-post", "it has no 'model_weight'; it looks like one of wavlm or unispeech_sat"),
        ("hubert_custom", "wav2vec2-post", "it has no 'dictionaries_symbols'; it looks like one of wav2vec2"),
        ("wavlm_local", "hubert-post", "it has no 'model'; it looks like one of hubert or wav2vec2"),
        ("data2vec_custom", "hubert-post", "it has no 'model_weight._ema'; it looks like one of hubert"),
        ("mockingjay_local", "wavlm-post", "it has no 'Transformer'"),
        ("wav2vec2_custom", "hubert-post", "cannot be built.*: Error.* loading state_dict for Wav2Vec2Model"),
        (
            "hf_hubert_custom",
            "hf_wavlm-post",
            "is a model of type 'wavlm', expected 'hubert'; hf_wavlm_custom takes it",
        ),
        ("hf_hubert_custom", "hubert-post", "is a file; expected a folder"),
        ("hubert_custom", "hf_hubert-post", "is a folder; hubert_custom takes a checkpoint file"),
        ("decoar2_custom", "wavlm-post", "lacks |does not fit: "),
    ],
)
def test_a_checkpoint_of_another_family(entry, other, hint, checkpoint):
    with pytest.raises(CheckpointError, match=hint) as refused:
        registry.build_upstream(f"{entry}_convexpruned_L2", ckpt=str(checkpoint(other)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04", pickle.dumps([1, 2])], ids=repr)
def test_files_that_are_no_checkpoint(content, tmp_path):
    path = tmp_path / "file.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="file.pt"):
        build("hubert-post", path)


def test_a_tensor_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(CheckpointError, match="it holds a Tensor, not a dict"):
        build("hubert-post", tmp_path / "tensor.pt")


@pytest.mark.parametrize("name", ["hubert-post", "wavlm-post", "hf_hubert-post", "mockingjay-post"])
def test_a_missing_checkpoint(name, tmp_path):
    with pytest.raises(CheckpointError, match="there is no checkpoint at"):
        build(name, tmp_path / "nowhere.pt")


@pytest.mark.parametrize("name", ["decoar2-post", "mockingjay-post", "hf_hubert-post"])
def test_weights_that_the_loader_would_leave_at_random_values(name, checkpoint, tmp_path):
    if name.startswith("hf"):
        from safetensors.torch import load_file, save_file

        path = Path(shutil.copytree(checkpoint(name), tmp_path / "gap"))
        weights = load_file(path / "model.safetensors")
        gap = {key: weight for key, weight in weights.items() if "layers.1." not in key}
        save_file(gap, path / "model.safetensors", metadata={"format": "pt"})
    else:
        states = torch.load(checkpoint(name))
        holder = states["model" if "model" in states else "Transformer"]
        del holder[next(key for key in holder if "1." in key and key.endswith("bias"))]
        path = tmp_path / "gap.pt"
        torch.save(states, path)
    with pytest.raises(CheckpointError, match="lacks"):
        build(name, path, 3)


def test_a_transformers_folder_without_weights(checkpoint, tmp_path):
    folder = Path(shutil.copytree(checkpoint("hf_hubert-post"), tmp_path / "bare"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has no weights; expected model.safetensors"):
        build("hf_hubert-post", folder)
