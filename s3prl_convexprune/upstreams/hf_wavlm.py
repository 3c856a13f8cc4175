"""WavLM in transformers' format as an s3prl upstream, in the shape of s3prl's ``hf_hubert`` expert."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import WavLMModel

from ..compat.hf_last_state import output_is_last_state
from ..compat.hf_models import find_model, read_extractor
from ..compat.hf_weights import load_model
from ..sampling import SAMPLE_RATE

DOWNSAMPLE_RATE = 320


class UpstreamExpert(nn.Module):
    """WavLM by transformers.

    Args:
        ckpt: a folder in transformers' format or a model id of the Hugging Face hub. It must hold a
            ``preprocessor_config.json``: whether waveforms are normalised is part of the model.

    Shape:
        - Input: list of waveforms ``[T]``, 16 kHz, float32.
        - Output: ``{"hidden_states": tuple of [B, T / 320, C]}``, layers + 1 of them.
    """

    def __init__(self, ckpt: str, **kwargs: Any) -> None:
        super().__init__()
        ckpt = find_model(ckpt)
        self.extracter = read_extractor(ckpt)
        self.model = load_model(WavLMModel, ckpt)
        output_is_last_state(self.model)

    def get_downsample_rates(self, key: str | None = None) -> int:
        """Samples of waveform per frame."""
        return DOWNSAMPLE_RATE

    def forward(self, wavs: list[Tensor]) -> dict[str, tuple[Tensor, ...]]:
        """Hidden states of a batch of waveforms, padded to the longest."""
        device = wavs[0].device
        values = self.extracter(
            [wav.detach().cpu().numpy() for wav in wavs],
            return_tensors="pt",
            padding=True,
            return_attention_mask=True,
            sampling_rate=SAMPLE_RATE,
        )
        inputs = {name: torch.as_tensor(value).to(device) for name, value in values.items()}
        return {"hidden_states": self.model(**inputs, output_hidden_states=True).hidden_states}
