"""Loaders of s3prl that pass over missing weights: one that a hidden state depends on is an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from s3prl_convexprune.compat import whole_weights
from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.checkpoint import load_whole
from tests.checkpoints import CASES

HOLDERS = {"ssast-frame": None, "lighthubert-post": "model"}


def spoiled(weights: dict[str, torch.Tensor], name: str, how: str) -> None:
    if how == "missing":
        del weights[name]
    elif how == "shape":
        weights[name] = torch.zeros(5, 7)
    else:
        weights[name] = torch.full_like(weights[name], float(how))


def refused(build: Callable[[], Any], path: Path, name: str) -> None:
    with pytest.raises(CheckpointError) as error:
        load_whole(build, "it")
    assert str(path) in str(error.value) and name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("case", "name", "how"),
    [
        ("ssast-frame", "module.v.blocks.3.mlp.fc1.weight", "missing"),
        ("ssast-frame", "module.v.blocks.3.mlp.fc1.weight", "shape"),
        ("ssast-frame", "module.v.cls_token", "nan"),
        ("lighthubert-post", "encoder.layers.3.fc1.weight", "missing"),
    ],
)
def test_a_weight_of_a_transformer(case, name, how, tmp_path):
    registry.load_hub()
    made = CASES[case].build(tmp_path)
    states = torch.load(made, weights_only=False)
    spoiled(states[HOLDERS[case]] if HOLDERS[case] else states, name, how)
    torch.save(states, made)
    refused(lambda: CASES[case].whole(made), made, name)


@pytest.mark.parametrize("name", whole_weights.READ_FIRST["s3prl.upstream.ssast.expert"])
def test_what_a_loader_reads_before_it_loads(name, tmp_path):
    registry.load_hub()
    made = CASES["ssast-frame"].build(tmp_path)
    weights = torch.load(made, weights_only=True)
    del weights[name]
    torch.save(weights, made)
    refused(lambda: CASES["ssast-frame"].whole(made), made, name)


def test_ast(tmp_path):
    """It takes one size alone, DeiT base: a file without most of it is quicker than a whole one."""
    from tests.checkpoints import load_ast, need_timm

    need_timm()
    path = tmp_path / "ast.pth"
    torch.save({"module.v.cls_token": torch.zeros(1, 1, 768)}, path)
    refused(lambda: load_ast(path), path, "module.v.blocks.0.attn.proj.bias")


@pytest.mark.parametrize(
    ("case", "unread"),
    [
        ("ssast-frame", ("module.v.head.", "module.v.head_dist.", "module.cpredlayer.", "module.gpredlayer.")),
        ("ssast-frame", ("module.mask_embed",)),
        ("lighthubert-post", ("mask_emb", "layer_pred_heads.")),
    ],
)
def test_what_no_hidden_state_depends_on_may_be_absent(case, unread, tmp_path):
    registry.load_hub()
    made = CASES[case].build(tmp_path)
    wavs = [torch.randn(8000, generator=torch.Generator().manual_seed(1))]
    with torch.no_grad():
        expected = CASES[case].whole(made)(wavs)["hidden_states"]
        states = torch.load(made, weights_only=False)
        weights = states[HOLDERS[case]] if HOLDERS[case] else states
        gone = [name for name in weights if name.startswith(unread)]
        assert gone
        for name in gone:
            del weights[name]
        torch.save(states, made)
        given = CASES[case].whole(made)(wavs)["hidden_states"]
    assert all(torch.equal(one, other) for one, other in zip(given, expected, strict=True))


def cpc(path: Path) -> dict[str, torch.Tensor]:
    from argparse import Namespace

    from s3prl.upstream.cpc.cpc_default_config import get_default_cpc_config
    from s3prl.upstream.cpc.feature_loader import getAR, getEncoder, loadArgs
    from s3prl.upstream.cpc.model import CPCModel

    config = {"hiddenEncoder": 16, "hiddenGar": 16}
    sizes = get_default_cpc_config()
    loadArgs(sizes, Namespace(**config))
    weights = CPCModel(getEncoder(sizes), getAR(sizes)).state_dict()
    torch.save({"config": config, "weights": weights}, path)
    return weights


@pytest.mark.parametrize("how", ["missing", "shape", "nan"])
@pytest.mark.parametrize("name", ["gEncoder.conv3.weight", "gAR.baseNet.weight_hh_l0"])
def test_cpc(name, how, tmp_path):
    hub = registry.load_hub()
    path = tmp_path / "cpc.pt"
    weights = cpc(path)
    assert hub.cpc_local(str(path)) is not None
    states = torch.load(path, weights_only=True)
    spoiled(states["weights"], name, how)
    assert states["weights"].keys() <= weights.keys()
    torch.save(states, path)
    refused(lambda: hub.cpc_local(str(path)), path, name)


@pytest.mark.parametrize(
    ("entry", "weights", "name"),
    [
        ("decoar_local", {}, "backward_lstm.bias_hh_l0"),
        ("decoar_layers_local", {}, "backward_lstms.0.bias_hh_l0"),
        ("decoar_local", {"post_extract_proj.bias": torch.zeros(3)}, "post_extract_proj.bias"),
        ("decoar_local", {"post_extract_proj.bias": torch.full((1024,), torch.nan)}, "post_extract_proj.bias"),
    ],
)
def test_decoar(entry, weights, name, tmp_path):
    hub = registry.load_hub()
    path = tmp_path / "decoar.pt"
    torch.save({"model": weights}, path)
    refused(lambda: getattr(hub, entry)(str(path)), path, name)


def test_loading_by_others_is_left_alone(tmp_path):
    hub, load = registry.load_hub(), torch.nn.Module.load_state_dict
    cpc(tmp_path / "cpc.pt")
    hub.cpc_local(str(tmp_path / "cpc.pt"))
    assert torch.nn.Module.load_state_dict is load
    assert torch.nn.Linear(2, 2).load_state_dict({}, strict=False).missing_keys == ["weight", "bias"]
