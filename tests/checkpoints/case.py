"""One kind of checkpoint, its size, and noise on every parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

LAYERS = 4


HIDDEN = 32


@dataclass(frozen=True)
class Case:
    """One kind of checkpoint.

    Attributes:
        name: ``<family>-<variant>``.
        entry: the hub entry that loads it.
        make: writes the checkpoint: ``make(folder, layers, seed, **sizes)`` -> the path for ``ckpt``.
        layers: how many transformer layers it gets by default.
        load: builds the upstream where the hub has no entry that takes a checkpoint of one's own.
    """

    name: str
    entry: str
    make: Callable[..., Path]
    layers: int = LAYERS
    load: Callable[[Path], nn.Module] | None = None

    @property
    def family(self) -> str:
        return self.name.rsplit("-", 1)[0]

    def whole(self, path: Path) -> nn.Module:
        """The whole upstream on a checkpoint that `build` wrote, in eval mode."""
        from s3prl_convexprune.upstreams.registry import build_upstream

        return (self.load(path) if self.load else build_upstream(self.entry, ckpt=str(path))).eval()

    def build(self, folder: Path, layers: int | None = None, seed: int = 0, **sizes: Any) -> Path:
        """Write the checkpoint under `folder` (made if missing); the same arguments give the same weights."""
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make(folder, self.layers if layers is None else layers, **sizes)


def randomised(model: nn.Module) -> nn.Module:
    """The model with noise on every parameter, so that no LayerNorm is left at weight 1 and bias 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model
