"""What a name stands for is known before torch, s3prl or a checkpoint is: the same as the hub itself would say."""

from __future__ import annotations

import inspect
import sys

import pytest
import torch
import yaml

from s3prl_convexprune.errors import CheckpointError, DepthError, UnknownUpstreamError
from s3prl_convexprune.upstreams.families import FAMILIES, HELPER, find_family
from s3prl_convexprune.upstreams.hub_names import s3prl_entries
from s3prl_convexprune.upstreams.names import check_checkpoint, resolve, upstream_names, whole_upstreams
from s3prl_convexprune.upstreams.registry import build_upstream, load_hub
from tests.checkpoints import CASES

CASE = CASES["hubert-post"]
KNOWN = [(family, entry, depth) for family in FAMILIES for entry, depth in family.depths.items()]
SIZES = {"_base": 12, "Base": 3, "_large": 24, "Large": 12}  # what s3prl's own names say of a depth


def test_the_source_names_the_upstreams_of_the_hub_itself():
    hub = load_hub()
    live = [name for name in hub.options() if name not in hub._s3prl_convexprune_names]
    modules = {name: vars(hub)[name].__module__ for name in live}
    upstreams = {name: module for name, module in modules.items() if find_family(name, module) != HELPER}
    read = {name: entry.module for name, entry in whole_upstreams().items()}
    assert {name: read.get(name) for name in upstreams} == upstreams
    assert set(s3prl_entries()) <= set(upstreams) and set(upstreams) <= set(upstream_names())
    for name in s3prl_entries():
        parameter = inspect.signature(vars(hub)[name]).parameters.get("ckpt")
        if parameter is not None:
            assert whole_upstreams()[name].needs_ckpt == (parameter.default is inspect.Parameter.empty), name


@pytest.mark.parametrize("entry", ["hubert_local", "wav2vec2_url", "wavlm_local", "hf_hubert_custom"])
def test_an_entry_that_passes_its_checkpoint_on_needs_one(entry):
    with pytest.raises(CheckpointError, match="needs a checkpoint"):
        check_checkpoint(entry, None)
    check_checkpoint("hubert", None)


@pytest.mark.parametrize(("family", "entry", "depth"), KNOWN, ids=[entry for _, entry, _ in KNOWN])
def test_known_depths_are_of_entries_that_the_family_has(family, entry, depth):
    assert find_family(entry, whole_upstreams()[entry].module) is family
    sizes = {size for word, size in SIZES.items() if word in entry.replace("_small", "_base")}
    assert not sizes or family.name == "distilhubert" or depth in sizes
    assert resolve(f"{entry}_convexpruned_L{depth}").layers == depth
    with pytest.raises(DepthError, match=f"{entry} has {depth} transformer layers; .* 1..{depth}"):
        resolve(f"{entry}_convexpruned_L{depth + 1}")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("apc_convexpruned_L2", DepthError, "apc cannot be cut: its encoder is recurrent"),
        ("hubert", UnknownUpstreamError, "hubert is a whole upstream.* hubert_convexpruned_L<k>, k from 1 to 12"),
        ("hf_hubert_custom", UnknownUpstreamError, "k from 1 to the number of layers of its checkpoint"),
        ("fbank", UnknownUpstreamError, "its cuts: none: it computes acoustic features"),
    ],
)
def test_what_a_name_cannot_mean(name, kind, said):
    with pytest.raises(kind, match=said):
        resolve(name)


def test_a_config_with_a_depth_that_its_base_lacks(tmp_path, monkeypatch):
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    (tmp_path / "deep.yaml").write_text("{name: too_deep, base: wavlm_large, layers: 25}")
    with pytest.raises(DepthError, match=r"deep.yaml: wavlm_large has 24 transformer layers; L25"):
        resolve("too_deep")


def test_each_yaml_is_read_once_from_the_command_line_to_the_model(tmp_path, monkeypatch, capsys):
    from s3prl_convexprune.cli.main import main

    opened: list[str] = []
    listening = True
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if listening and event == "open" else None)
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    for number in range(3):
        content = {"name": f"cut{number}", "base": CASE.entry, "layers": 1 + number}
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(content))
    opened.clear()
    ckpt = str(CASE.build(tmp_path / "checkpoint"))
    for name, states in (("cut1", 3), (f"{CASE.entry}_convexpruned_L1", 2)):
        assert main(["show", name]) == 0
        with torch.no_grad():
            assert len(build_upstream(name, ckpt=ckpt).eval()([torch.randn(8000)])["hidden_states"]) == states
    listening = False
    read = [path for path in opened if path.startswith(str(tmp_path)) and path.endswith(".yaml")]
    assert sorted(read) == [str(tmp_path / f"{number}.yaml") for number in range(3)]
