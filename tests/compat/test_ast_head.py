"""AST is built for its blocks' states alone: its classifier is never loaded. Seen before any checkpoint is read."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.upstreams.checkpoint import load_cut_upstream, load_whole
from s3prl_convexprune.upstreams.registry import load_hub

HINT = "feature_selection='hidden_states'"


@pytest.fixture
def expert():
    load_hub()
    from s3prl.upstream.ast.expert import UpstreamExpert

    return UpstreamExpert


@pytest.fixture
def entry(monkeypatch, tmp_path):
    """The hub's ``ast``; an empty file stands for its checkpoint."""
    torch.save({}, tmp_path / "ast.pth")
    entry = load_hub().ast
    monkeypatch.setitem(entry.__globals__, "_urls_to_filepaths", lambda url, refresh=False: str(tmp_path / "ast.pth"))
    return entry


@pytest.mark.parametrize(
    ("args", "more"),
    [
        (("nowhere.pth",), {}),
        (("nowhere.pth", 10.24, 10.24, "cls"), {}),
        ((), {"ckpt": "nowhere.pth", "feature_selection": "cls"}),
    ],
)
def test_the_classifier_is_refused(expert, args, more):
    with pytest.raises(ConfigError, match=HINT):
        expert(*args, **more)


def test_whole_and_cut_through_the_hub(entry):
    with pytest.raises(ConfigError, match=HINT):
        load_whole(entry, "ast")
    with pytest.raises(ConfigError, match=HINT):
        load_cut_upstream(entry, "ast", 3)


@pytest.mark.parametrize("args", [("nowhere.pth", 10.24, 10.24, "hidden_states")])
def test_the_states_of_the_blocks_are_not(expert, args):
    with pytest.raises((Exception, SystemExit)) as raised:  # no such file, or no timm
        expert(*args)
    assert HINT not in str(raised.value)
