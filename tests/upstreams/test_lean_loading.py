"""A cut upstream is loaded from the kept layers alone, wherever its checkpoint lies and in whatever format."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from s3prl_convexprune.safe_load import read_checkpoint
from s3prl_convexprune.upstreams import checkpoint as loading
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.cut_file import without_upper_layers
from s3prl_convexprune.upstreams.entry import expert_call
from s3prl_convexprune.upstreams.families import FAMILIES, family_of_entry
from s3prl_convexprune.upstreams.hf_folder import read_config, write_cut
from tests.checkpoints import CASES

LEAN = [
    name
    for name, case in CASES.items()
    if case.entry
    and case.family in ("hubert", "wav2vec2", "wavlm", "unispeech_sat", "data2vec", "mockingjay", "tera", "mae_ast")
]


def states_of(expert, wavs):
    with torch.no_grad():
        return expert(wavs)["hidden_states"]


def starts_with(states, first) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, states[: len(first)], strict=True))


@pytest.mark.parametrize("name", LEAN)
def test_the_cut_file_is_that_of_an_upstream_with_so_many_layers(name, checkpoint, tmp_path):
    case = CASES[name]
    layout = family_of_entry(case.entry, getattr(registry.load_hub(), case.entry)).layout
    native = case.build(tmp_path, layers=2)
    torch.save(without_upper_layers(read_checkpoint(checkpoint(name)), layout, 2), tmp_path / "cut.pt")
    ours, theirs = (torch.load(path, weights_only=True) for path in (tmp_path / "cut.pt", native))
    assert ours[layout.weights].keys() == theirs[layout.weights].keys()
    for weight, expected in theirs[layout.weights].items():
        if isinstance(expected, torch.Tensor):
            assert ours[layout.weights][weight].shape == expected.shape
    assert (tmp_path / "cut.pt").stat().st_size < 1.15 * native.stat().st_size


@pytest.mark.parametrize("name", ["hf_hubert-post", "hf_wavlm-pre"])
def test_the_cut_folder_is_that_of_a_model_with_so_many_layers(name, checkpoint, tmp_path):
    case = CASES[name]
    family = family_of_entry(case.entry, getattr(registry.load_hub(), case.entry))
    native = case.build(tmp_path / "native", layers=2)
    (tmp_path / "cut").mkdir()
    whole = str(checkpoint(name))
    write_cut(whole, family, read_config(case.entry, family, whole, FAMILIES), 2, tmp_path / "cut")
    assert {file.name for file in (tmp_path / "cut").iterdir()} == {file.name for file in native.iterdir()}
    assert json.loads((tmp_path / "cut" / "config.json").read_text())["num_hidden_layers"] == 2
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "cut", native)]
    assert sizes[0] < 1.15 * sizes[1]


@pytest.mark.parametrize("name", ["hubert-post", "hf_hubert-pre", "distilhubert-post"])
def test_the_source_is_left_alone_and_nothing_stays_behind(name, checkpoint, cut, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = checkpoint(name)
    files = [source] if source.is_file() else sorted(source.iterdir())
    before = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    cut(name, 1)
    cut(name, 1)
    assert [hashlib.sha256(file.read_bytes()).hexdigest() for file in files] == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["hubert-pre", "wavlm-post"])
def test_checkpoints_of_the_old_format(name, checkpoint, whole, tmp_path, wavs):
    old = tmp_path / "old.pt"
    torch.save(torch.load(checkpoint(name)), old, _use_new_zipfile_serialization=False)
    expert = registry.build_upstream(f"{CASES[name].entry}_convexpruned_L2", ckpt=str(old)).eval()
    assert starts_with(states_of(whole(name), wavs), states_of(expert, wavs))


def test_weights_that_are_parts_of_one_buffer_are_cut_out_of_it(checkpoint, tmp_path):
    states = torch.load(checkpoint("hubert-post"))
    flat = torch.cat([weight.flatten() for weight in states["model_weight"].values()])
    at = 0
    for weight, tensor in states["model_weight"].items():
        states["model_weight"][weight] = flat[at : at + tensor.numel()].view(tensor.shape)
        at += tensor.numel()
    torch.save(states, tmp_path / "flat.pt")
    layout = family_of_entry("hubert_custom", registry.load_hub().hubert_custom).layout
    torch.save(without_upper_layers(read_checkpoint(tmp_path / "flat.pt"), layout, 1), tmp_path / "cut.pt")
    assert (tmp_path / "cut.pt").stat().st_size < 0.75 * (tmp_path / "flat.pt").stat().st_size


@pytest.mark.parametrize("layout", ["sharded safetensors", "pytorch_model.bin", "sharded bin"])
def test_other_layouts_of_transformers_folders(layout, checkpoint, whole, tmp_path, wavs):
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(checkpoint("hf_hubert-post"), tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if layout == "pytorch_model.bin":
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        stem, save = ("model", save_file) if "safetensors" in layout else ("pytorch_model", torch.save)
        suffix = "safetensors" if "safetensors" in layout else "bin"
        names = sorted(weights)
        shards = {f"{stem}-0000{i + 1}-of-00002.{suffix}": names[i::2] for i in range(2)}
        for shard, members in shards.items():
            save({name: weights[name] for name in members}, folder / shard)
        index = {"metadata": {}, "weight_map": {name: shard for shard in shards for name in shards[shard]}}
        (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
    expert = registry.build_upstream("hf_hubert_custom_convexpruned_L2", ckpt=str(folder)).eval()
    expected = states_of(whole("hf_hubert-post"), wavs)
    assert starts_with(expected, states_of(expert, wavs))


def test_entries_with_a_url_of_their_own_use_what_s3prl_has_downloaded(checkpoint, whole, tmp_path, monkeypatch, wavs):
    from s3prl.util import download

    def no_network(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(download, "_download_dir", tmp_path)
    url = "https://huggingface.co/s3prl/converted_ckpts/resolve/main/hubert_base_ls960.pt"
    shutil.copyfile(checkpoint("hubert-post"), download._urls_to_filepaths(url, download=False))
    expert = registry.build_upstream("hubert_convexpruned_L2").eval()
    assert starts_with(states_of(whole("hubert-post"), wavs), states_of(expert, wavs))


@pytest.mark.parametrize(
    "entry", ["hubert_custom", "wavlm_url", "wav2vec2_custom", "data2vec_local", "tera_local", "hf_hubert_custom"]
)
def test_the_call_that_an_entry_ends_in(entry, tmp_path):
    (tmp_path / "x.pt").touch()
    function = getattr(registry.load_hub(), entry)
    if entry.endswith("_url"):
        pytest.importorskip("s3prl")
        function = getattr(registry.load_hub(), entry.replace("_url", "_local"))
    call = expert_call(function, ckpt=str(tmp_path / "x.pt"))
    assert call is not None and call.checkpoint == str(tmp_path / "x.pt")
    assert call.expert.__name__ == "UpstreamExpert"
    assert entry.split("_")[0] in call.expert.__module__ or "mockingjay" in call.expert.__module__


def test_finding_the_call_leaves_s3prl_as_it_was(checkpoint):
    hub = registry.load_hub()
    module = __import__(hub.hubert_custom.__module__, fromlist=["_"])
    before = dict(vars(module))
    expert_call(hub.hubert_custom, ckpt=str(checkpoint("hubert-post")))
    assert vars(module) == before


def test_other_entries_are_built_whole_then_cut(checkpoint, whole, wavs):
    """Someone else's entry: a callable that is no plain function of s3prl's."""

    class Entry:
        __module__ = "s3prl.upstream.hubert.hubconf"

        def __call__(self, **kwargs):
            return whole("hubert-post")

    expert = loading.load_cut_upstream(Entry(), "someones_hubert", 2)
    assert len(states_of(expert, wavs)) == 3


@pytest.mark.parametrize("name", ["hf_hubert-post", "hf_wav2vec2-pre", "hf_wavlm-post"])
@pytest.mark.parametrize("cut", ["", "_convexpruned_L1"])
def test_weights_kept_in_half_precision_compute_in_full(name, cut, tmp_path):
    """transformers 5 makes a model of the type that its config names, which no waveform in float32 passes."""
    case = CASES[name]
    folder = Path(case.build(tmp_path / "folder"))
    weights = {key: value.half() for key, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16", "torch_dtype": "float16"}))
    expert = registry.build_upstream(f"{case.entry}{cut}", ckpt=str(folder)).eval()
    with torch.no_grad():
        states = expert([torch.randn(4000)])["hidden_states"]
    assert all(state.dtype == torch.float32 and state.isfinite().all() for state in states)
    assert torch.equal(
        dict(expert.model.named_parameters())["encoder.layers.0.attention.k_proj.weight"],
        weights["encoder.layers.0.attention.k_proj.weight"].float(),
    )
