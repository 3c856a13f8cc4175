"""A frozen upstream's forward pass in bfloat16 or float16, and how far its states are from those in full precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ...results.provenance import identity
from .together import random_states

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
COMPARED = 4  # batches that are passed both ways


class ReducedPass(nn.Module):
    """An upstream under autocast; what leaves it is float32.

    Args:
        expert: the upstream, as s3prl builds it.
        precision: "bf16" or "fp16".

    Attributes:
        stands_for: parameters and weights hash of the upstream.
        difference: for each hidden state the relative difference (Frobenius norms) to full precision, the largest of
            the first batches'.
    """

    def __init__(self, expert: nn.Module, precision: str) -> None:
        super().__init__()
        self.expert, self.dtype = expert, DTYPES[precision]
        self.stands_for = identity(expert)
        self.difference: list[float] = []
        self._compared = 0

    def get_downsample_rates(self, key: str) -> int:
        return self.expert.get_downsample_rates(key)  # type: ignore[operator]

    def forward(self, wavs: list[torch.Tensor]) -> dict[str, Any]:
        with torch.autocast(wavs[0].device.type, self.dtype):
            answer = {key: _float32(value) for key, value in self.expert(wavs).items()}
        if self._compared < COMPARED:
            self._compare(wavs, answer["hidden_states"])
        return answer

    def _compare(self, wavs: list[torch.Tensor], states: Any) -> None:
        before = random_states.read()
        with torch.autocast(wavs[0].device.type, enabled=False):
            exact = self.expert(wavs)["hidden_states"]
        random_states.write(before)
        found = [float((one - other).norm() / other.norm()) for one, other in zip(states, exact, strict=True)]
        self.difference = [max(pair) for pair in zip(found, self.difference or found, strict=True)]
        self._compared += 1


def _float32(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, list | tuple):
        return type(value)(_float32(part) for part in value)
    return value
