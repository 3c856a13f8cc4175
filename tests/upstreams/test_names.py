"""Names on s3prl's hub: listed when a config states them, resolved on demand otherwise, explained when wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import yaml

from s3prl_convexprune import compat
from s3prl_convexprune.errors import CheckpointError, ConfigError, ConvexPruneError, DepthError, UnknownUpstreamError

compat.apply()

from s3prl_convexprune.upstreams.registry import build_upstream, load_hub, resolve, split_name  # noqa: E402
from tests.checkpoints import CASES, LAYERS  # noqa: E402

CASE = CASES["hubert-post"]


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("checkpoint")))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hubert_convexpruned_L6", ("hubert", 6)),
        ("wavlm_large_convexpruned_L12", ("wavlm_large", 12)),
        ("hf_hubert_custom_convexpruned_L0", ("hf_hubert_custom", 0)),
        ("hubert", None),
        ("hubert_convexpruned_ks", None),
        ("hubert_convexpruned_L", None),
        ("_convexpruned_L6", None),
    ],
)
def test_what_a_name_states(name, parts):
    assert split_name(name) == parts


def test_any_depth_of_any_base_resolves_without_a_config(ckpt):
    hub = load_hub()
    for layers in range(1, LAYERS + 1):
        upstream = getattr(hub, f"{CASE.entry}_convexpruned_L{layers}")(ckpt=ckpt)
        with torch.no_grad():
            assert len(upstream.eval()([torch.randn(8000)])["hidden_states"]) == layers + 1


def test_what_run_downstream_passes_is_understood(ckpt):
    upstream = getattr(load_hub(), f"{CASE.entry}_convexpruned_L2")(ckpt=ckpt, model_config=None, refresh=False)
    assert upstream.get_downsample_rates("hidden_states") == 320


BAD = {
    "hubret": (UnknownUpstreamError, "did you mean 'hubert'"),
    "hubret_convexpruned_L2": (UnknownUpstreamError, "no upstream 'hubret'; did you mean 'hubert'"),
    f"{CASE.entry}_convexpruned_L0": (DepthError, "start at L1"),
    f"{CASE.entry}_convexpruned_L9": (DepthError, f"{LAYERS} transformer layers; L9 is out of range 1..{LAYERS}"),
    f"{CASE.entry}_convexpruned_L3_convexpruned_L2": (ConfigError, f"{CASE.entry}_convexpruned_L2"),
    "hubert_convexpruned_haf": (UnknownUpstreamError, "did you mean 'hubert_convexpruned_half'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_name_is_explained(name, ckpt):
    kind, reason = BAD[name]
    with pytest.raises(kind) as caught:
        build_upstream(name, ckpt=ckpt)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("entry", [CASE.entry, f"{CASE.entry}_convexpruned_L2"])
@pytest.mark.parametrize(("given", "reason"), [({}, "-k"), ({"ckpt": "absent.pt"}, "absent.pt")])
def test_a_missing_checkpoint_is_explained(entry, given, reason):
    with pytest.raises(CheckpointError, match=reason):
        build_upstream(entry, **given)


def test_the_hub_still_answers_for_what_it_does_not_have():
    hub = load_hub()
    assert not hasattr(hub, "__path__") and not hasattr(hub, "hubret")
    with pytest.raises(AttributeError):
        hub.absent  # noqa: B018


def run_with_configs(folder, code):
    """A fresh interpreter, since configs are read when the hub is first imported."""
    return subprocess.run(
        [sys.executable, "-c", f"from s3prl_convexprune.upstreams.registry import *\nhub = load_hub()\n{code}"],
        env={**__import__("os").environ, "S3PRL_CONVEXPRUNE_CONFIGS": str(folder)},
        capture_output=True,
        text=True,
    )


def test_configs_are_listed_and_built_and_broken_ones_do_no_harm(tmp_path, ckpt):
    def config(file, **content):
        (tmp_path / file).write_text(yaml.safe_dump(content))

    config("a.yaml", name="my_cut", base=CASE.entry, layers=2, base_args={"ckpt": ckpt})
    config("b.yaml", name="my_front_end", base=CASE.entry, layers=0, base_args={"ckpt": ckpt})
    config("c.yaml", name="twice", base="hubert", layers=2)
    config("d.yaml", name="twice", base="hubert", layers=3)
    config("e.yaml", name="broken", base="hubert", layer=3)
    config("f.yaml", name="hubert", base="hubert", layers=3)
    config("g.yaml", name="cut_of_cut", base="my_cut", layers=1)
    config("h.yaml", name="no_base", base="hubret", layers=1)
    config("i.yaml", name="hubert_convexpruned_words", base=CASE.entry, layers=1, base_args={"ckpt": ckpt})
    code = """
import torch
from s3prl.nn import S3PRLUpstream
assert {"my_cut", "my_front_end", "hubert_convexpruned_half"} <= set(hub.options())
assert "my_cut" in S3PRLUpstream.available_names()
assert hub.hubert.__module__.startswith("s3prl.")
for name, states in (("my_cut", 3), ("my_front_end", 1), ("hubert_convexpruned_words", 2)):
    with torch.no_grad():
        assert len(getattr(hub, name)(ckpt=None).eval()([torch.randn(8000)])["hidden_states"]) == states
for name in ("twice", "cut_of_cut", "no_base", "broken"):
    try:
        build_upstream(name)
    except Exception as error:
        print(name, type(error).__name__, error)
"""
    done = run_with_configs(tmp_path, code)
    assert done.returncode == 0, done.stderr
    reasons = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert "c.yaml" in reasons["twice"] and "d.yaml" in reasons["twice"]
    assert "itself a cut" in reasons["cut_of_cut"]
    assert "did you mean 'hubert'" in reasons["no_base"]
    assert reasons["broken"].startswith("UnknownUpstreamError")
    assert "unknown key 'layer'" in done.stderr
    assert "i.yaml, which goes before the shipped hubert_convexpruned_words.yaml" in done.stderr


def test_a_second_install_changes_nothing():
    hub = load_hub()
    before = dict(vars(hub))
    load_hub()
    assert vars(hub) == before


def test_a_config_written_or_changed_later_counts(tmp_path, ckpt, monkeypatch):
    hub = load_hub()
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(tmp_path))
    assert not hasattr(hub, "written_later")
    for layers in (2, 3):
        content = {"name": "written_later", "base": CASE.entry, "layers": layers, "base_args": {"ckpt": ckpt}}
        (tmp_path / "later.yaml").write_text(yaml.safe_dump(content))
        with torch.no_grad():
            assert len(hub.written_later().eval()([torch.randn(8000)])["hidden_states"]) == layers + 1
    assert "written_later" in hub.options()


def test_resolve_reads_a_config_by_name():
    assert resolve("hubert_convexpruned_half").layers == 6
    with pytest.raises(ConvexPruneError):
        resolve("hubert")
