"""DistilHuBERT cut: the states of its layers, without the heads that predict a teacher's layers from the last."""

from __future__ import annotations

from typing import Any

from s3prl.upstream.distiller.expert import UpstreamExpert
from torch import Tensor


class CutDistiller(UpstreamExpert):
    """s3prl's DistilHuBERT expert after a cut; `prune` turns an expert into one, nothing builds it."""

    def forward(self, wavs: list[Tensor], no_pred: bool = True) -> dict[str, Any]:
        """The states of the kept layers; the first is the input of the encoder."""
        _, first, _, padding, layers = self.model(wavs, get_hidden=True, no_pred=True)
        states = [first, *layers]
        return {"hidden_states": states, "last_hidden_state": states[-1], "pad_mask": padding, "paper": states[-1]}
