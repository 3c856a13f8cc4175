"""What a trained head is, whoever trained it: a layer on the hidden states, a task, and the labels of its answer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..errors import ConvexPruneError
from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import FineTunedRun
from ..upstreams.names import chosen_layers, resolve, whole_upstreams


@dataclass(frozen=True)
class Head:
    """A trained head.

    Attributes:
        layer: from the hidden states, a list of `[batch, frames, width]`, to logits `[batch, labels]`.
        task: what it was trained for.
        labels: of the logits, in their order.
        width: of the hidden states that it reads.
        run: the fine-tuning whose weights the upstream must have for it; None after a frozen upstream.
    """

    layer: nn.Module
    task: str
    labels: tuple[str, ...]
    width: int
    run: FineTunedRun | None = None


def is_cut(config: UpstreamConfig, name: str, layers: int | None = None) -> bool:
    """Whether what a name stands for is this cut.

    Args:
        config: the cut.
        name: of an upstream, as a training noted it.
        layers: how many transformer layers were left of it; as many as the name says when None.
    """
    kept = chosen_layers(config)
    if name == config.name and layers in (None, kept):
        return True
    try:
        if name in whole_upstreams():
            return (name, layers) == (config.base, kept)
        trained_on = resolve(name)
        return (trained_on.base, layers or chosen_layers(trained_on)) == (config.base, kept)
    except ConvexPruneError:
        return False
