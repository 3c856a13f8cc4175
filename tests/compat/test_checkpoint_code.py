"""Code in a checkpoint: refused, and not run, on every way that leads to a whole upstream."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from s3prl_convexprune import safe_load
from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams import registry
from tests.checkpoints import CASES
from tests.compat.payload import Payload

pytestmark = pytest.mark.usefixtures("nothing_ran")


FAMILIES = {case.family: case for case in CASES.values() if case.entry and not case.entry.startswith("hf_")}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A function from a case's name to its checkpoint's content."""
    made: dict[str, Path] = {}

    def content(name: str) -> Any:
        if name not in made:
            made[name] = CASES[name].build(tmp_path_factory.mktemp(name))
        return torch.load(made[name], weights_only=False)

    return content


def configs(states: Any) -> list[Any]:
    """Every dict or Namespace of settings in a checkpoint, however deep."""
    node = vars(states) if isinstance(states, argparse.Namespace) else states
    if not isinstance(node, dict):
        return []
    return [node, *(found for value in node.values() for found in configs(value))]


def as_whole(case, path):
    """The hub's own entry, as `run_downstream.py`, `S3PRLUpstream` and torch.hub call it."""
    return getattr(registry.load_hub(), case.entry)(ckpt=str(path), refresh=False)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_in_a_whole_upstreams_checkpoint(family, zipped, checkpoint, tmp_path):
    case = FAMILIES[family]
    states = checkpoint(case.name) | {"extra": Payload(tmp_path / "ran")}
    torch.save(states, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"pickled code \((posix|nt)\.mkdir\): it was refused and not run"):
        as_whole(case, tmp_path / "evil.pt")


WITH_STRINGS = [
    case
    for case in FAMILIES.values()
    if case.family not in ("mockingjay", "tera", "audio_albert", "decoar2", "mae_ast")
]


@pytest.mark.parametrize("case", WITH_STRINGS, ids=lambda case: case.family)
def test_code_in_a_string_that_s3prl_evaluates(case, checkpoint, tmp_path):
    states = checkpoint(case.name)
    strings = [
        (holder, key)
        for holder in configs(states)
        for key, value in holder.items()
        if key in safe_load.EVALUATED and isinstance(value, str)
    ]
    assert strings
    for holder, key in strings:
        whole = holder[key]
        holder[key] = f"__import__('os').mkdir('ran') or {whole}"
        torch.save(states, tmp_path / "evil.pt")
        for build in (as_whole, lambda case, path: registry.build_upstream(case.entry, ckpt=str(path))):
            with pytest.raises(CheckpointError, match=f"evil.pt holds code in its config .{key}"):
                build(case, tmp_path / "evil.pt")
        holder[key] = whole


def test_code_in_the_name_of_a_feature(checkpoint, tmp_path):
    """The Mockingjay family names a function of torchaudio, which s3prl evaluates too."""
    states = checkpoint("mockingjay-post")
    audio = next(holder for holder in configs(states) if "kaldi" in holder)
    audio["kaldi"]["feat_type"] = "fbank, __import__('os').mkdir('ran')"
    audio["kaldi"][audio["kaldi"]["feat_type"]] = {}
    torch.save(states, tmp_path / "evil.pt")
    with pytest.raises(CheckpointError, match="holds code"):
        as_whole(CASES["mockingjay-post"], tmp_path / "evil.pt")


@pytest.mark.parametrize("family", ["hubert", "wavlm", "data2vec", "distilhubert", "mockingjay"])
def test_an_honest_checkpoint_loads_as_before(family, checkpoint, tmp_path):
    """With an optimiser's state that holds a schedule of s3prl's, as its own pretraining wrote it."""
    import s3prl.optimizers

    case = FAMILIES[family]
    schedule = s3prl.optimizers.WarmupLinearSchedule(0.07, 1000)
    extra = {"Args": argparse.Namespace(seed=1), "Optimizer": {"param_groups": [{"schedule": schedule}]}}
    torch.save(checkpoint(case.name) | extra, tmp_path / "honest.pt")
    allowed = set(torch.serialization.get_safe_globals())
    upstream = as_whole(case, tmp_path / "honest.pt").eval()
    assert set(torch.serialization.get_safe_globals()) == allowed
    with torch.no_grad():
        assert len(upstream([torch.randn(8000)])["hidden_states"]) > case.layers


@pytest.mark.parametrize("case", ["hf_hubert-post", "hf_wav2vec2-post", "hf_wavlm-post"])
@pytest.mark.parametrize("config", ["config.json", "preprocessor_config.json"])
def test_auto_map_runs_nothing(case, config, tmp_path):
    """A folder with code of its own is loaded by what its config says it is, without it."""
    import json

    folder = CASES[case].build(tmp_path / "folder")
    (folder / "evil.py").write_text("import os\nos.mkdir('ran')\nclass Evil: pass\n")
    content = json.loads((folder / config).read_text())
    auto_map = {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil", "AutoFeatureExtractor": "evil.Evil"}
    (folder / config).write_text(json.dumps(content | {"auto_map": auto_map}))
    assert registry.build_upstream(CASES[case].entry, ckpt=str(folder)) is not None


def test_attention_from_a_hub_is_not_fetched(tmp_path):
    import json

    folder = CASES["hf_hubert-post"].build(tmp_path / "folder")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"attn_implementation": "someone/kernels"}))
    with pytest.raises(CheckpointError, match="attn_implementation names code"):
        registry.build_upstream("hf_hubert_custom", ckpt=str(folder))


@pytest.mark.parametrize("case", ["hf_hubert-post", "hf_wav2vec2-post", "hf_wavlm-post"])
def test_a_pickle_in_a_whole_transformers_folder(case, tmp_path):
    folder = CASES[case].build(tmp_path / "folder")
    (folder / "model.safetensors").unlink()
    torch.save({"extra": Payload(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        registry.build_upstream(CASES[case].entry, ckpt=str(folder))
    shutil.rmtree(folder)
