"""What a trained head is, whoever trained it: a layer on the hidden states, a task, and the labels of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import nn

from ..errors import ConvexPruneError
from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import FineTunedRun
from ..upstreams.meaning import meaning, meaning_of
from .answer import greedy_text


@dataclass(frozen=True)
class Head:
    """A trained head.

    Attributes:
        layer: from the hidden states, a list of `[batch, frames, width]`, to logits `[batch, labels]`, or to
            `[batch, frames, labels]` where it returns characters.
        task: what it was trained for.
        labels: of the logits, in their order.
        width: of the hidden states that it reads.
        slots: where an answer is several labels, one a slot: the slots' names and how many labels each has.
        returns: ``logits``, or ``characters``, of which the labels are what each writes.
        traced: the layer in operations that an exporter can follow; None where it is that.
        run: the fine-tuning whose weights the upstream must have for it; None after a frozen upstream.
    """

    layer: nn.Module
    task: str
    labels: tuple[str, ...]
    width: int
    slots: tuple[tuple[str, int], ...] = ()
    returns: Literal["logits", "characters"] = "logits"
    traced: nn.Module | None = None
    run: FineTunedRun | None = None

    def said(self, logits: np.ndarray) -> tuple[str, ...]:
        """What the logits of one utterance say: the likeliest label, of every slot; the words, for characters."""
        if self.returns == "characters":
            return tuple(greedy_text(logits, self.labels).split())
        ends = np.cumsum([count for _, count in self.slots], dtype=int)[:-1]
        parts = zip(np.split(logits, ends), np.split(np.array(self.labels), ends), strict=True)
        return tuple(str(labels[part.argmax()]) for part, labels in parts)


def is_cut(config: UpstreamConfig, name: str, layers: int | None = None) -> bool:
    """Whether what a name stands for is this cut: its base, depth, last LayerNorm and arguments, but for a checkpoint.

    Args:
        config: the cut.
        name: of an upstream, as a training noted it.
        layers: how many transformer layers were left of it; as many as the name says when None.
    """
    wanted = meaning(config)
    try:
        trained = meaning_of(name) or {"base": name, "layers": None, "base_args": {}}
    except ConvexPruneError:
        return False
    if layers not in (None, trained["layers"]):  # the training cut it there, and its weights tell of the LayerNorm
        trained |= {"layers": layers, "final_norm": wanted["final_norm"]}
    for said in (wanted, trained):
        said["base_args"].pop("ckpt", None)
    return trained == wanted
