"""Checkpoints are written once a session; upstreams are built anew, since a cut changes them in place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.prune import prune_upstream
from tests.checkpoints import CASES

#: The models that cannot be made tiny, and the depths to test them at.
FIXED_SIZE = {"lighthubert-post": [0, 5], "ast-base384": [1, 5]}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``checkpoint("hubert-post")``: the path of that case's checkpoint."""
    registry.load_hub()

    @functools.cache
    def write(name: str) -> Path:
        return CASES[name].build(tmp_path_factory.mktemp(name))

    return write


@pytest.fixture(scope="session")
def whole(checkpoint: Callable[[str], Path]) -> Callable[[str], nn.Module]:
    """``whole("hubert-post")``: a whole upstream, fresh, in eval mode."""
    return lambda name: CASES[name].whole(checkpoint(name))


@pytest.fixture(scope="session")
def cut(checkpoint: Callable[[str], Path], whole: Callable[[str], nn.Module]) -> Callable[..., nn.Module]:
    """``cut("hubert-post", 2)``: a cut upstream as the hub builds it, fresh, in eval mode."""

    def build(name: str, layers: int, final_norm: str | None = "drop") -> nn.Module:
        case = CASES[name]
        if not case.entry:
            return prune_upstream(whole(name), layers, final_norm)
        config = registry.UpstreamConfig(name="cut", base=case.entry, layers=layers, final_norm=final_norm)
        return registry.build_cut(config, ckpt=str(checkpoint(name))).eval()

    return build


@pytest.fixture(scope="session")
def wavs() -> list[torch.Tensor]:
    """A batch of unequal lengths, 16 kHz."""
    generator = torch.Generator().manual_seed(1)
    return [0.1 * torch.randn(samples, generator=generator) for samples in (16000, 9000, 12345)]


def depths(name: str) -> list[int]:
    """The depths to test a case at: all of them, except for the models that cannot be made tiny."""
    from s3prl_convexprune.upstreams.families import FAMILIES

    case = CASES[name]
    first = next((f.first_state for f in FAMILIES if f.name == case.family), 0)
    return FIXED_SIZE.get(name) or list(range(first, case.layers + 1))
