"""Whisper's encoder in transformers' format as an s3prl upstream. The decoder is never read.

Whisper (Radford et al. 2022) is supervised: its encoder was trained with transcripts, unlike s3prl's other upstreams.

transformers' encoder takes log-mel frames of exactly 30 s. Here an utterance has its own frames: one state every 20 ms,
``ceil(T / 320)`` of them, the learned positions from the first on, and nothing of the batch's padding is attended to,
convolved or normalised with. A waveform of 30 s, or padded with zeros to 30 s, gives transformers' own states.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..compat.hf_models import EXTRACTOR, find_file, find_model
from ..compat.hf_weights import check_attention
from ..errors import CheckpointError, DataError
from ..safe_load import check_finite
from ..sampling import SAMPLE_RATE
from .families import all_families, family_of_class
from .hf_folder import read_config, read_weights, weight_files

HOP = 160
DOWNSAMPLE_RATE = 2 * HOP  # the second convolution halves the frame rate
WINDOW = 400
MEL = {"sampling_rate": SAMPLE_RATE, "hop_length": HOP, "n_fft": WINDOW}
ENCODER = re.compile(r"^(?:model\.)?encoder\.")

logger = logging.getLogger("s3prl_convexprune")


class UpstreamExpert(nn.Module):
    """Whisper's encoder.

    Args:
        ckpt: a folder in transformers' format or a model id of the Hugging Face hub.

    Shape:
        - Input: list of waveforms ``[T]``, 16 kHz, float32, of at most 30 s.
        - Output: ``{"hidden_states": tuple of [B, ceil(T / 320), C]}``, layers + 1 of them. State 0 is the input of
          the first layer; the last one has passed the encoder's final LayerNorm.

    Raises:
        CheckpointError: the folder holds another model, or weights that are missing, mis-shaped or not finite.
        DataError: on a call, a waveform is longer than the model has positions for.
    """

    pre_norm = True
    mel_filters: Tensor
    window: Tensor

    def __init__(self, ckpt: str, **kwargs: Any) -> None:
        super().__init__()
        self.model = _load(find_model(ckpt))
        config = self.model.config
        self.longest = config.max_source_positions * DOWNSAMPLE_RATE
        filters = WhisperFeatureExtractor(feature_size=config.num_mel_bins, **MEL).mel_filters
        self.register_buffer("mel_filters", torch.as_tensor(filters.T, dtype=torch.float32), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def get_downsample_rates(self, key: str | None = None) -> int:
        """Samples of waveform per frame."""
        return DOWNSAMPLE_RATE

    def forward(self, wavs: list[Tensor]) -> dict[str, tuple[Tensor, ...]]:
        """Hidden states of a batch of waveforms, padded to the longest."""
        for wav in wavs:
            if len(wav) > self.longest:
                raise DataError(
                    f"Whisper has positions for {self.longest / SAMPLE_RATE:g} s; a waveform is "
                    f"{len(wav) / SAMPLE_RATE:.2f} s long: cut it into segments"
                )
        frames = [math.ceil(len(wav) / DOWNSAMPLE_RATE) for wav in wavs]
        mel = pad_sequence([self.log_mel(wav, 2 * own).T for wav, own in zip(wavs, frames, strict=True)], True)
        return {"hidden_states": self._encode(mel.transpose(1, 2), frames)}

    def log_mel(self, wav: Tensor, frames: int) -> Tensor:
        """The log-mel frames of one waveform, shape ``[mels, frames]``, as `WhisperFeatureExtractor` defines them.

        The zeros after the end stand for its padding to 30 s: what it cuts off from 80 dB below the loudest value is
        cut off alike here, as the loudest is never in the padding.
        """
        heard = min(frames * HOP + WINDOW, self.longest)  # at 30 s the last window is mirrored, as theirs is
        wav = nn.functional.pad(wav.float(), (0, heard - len(wav)))
        spectrum = torch.stft(wav, WINDOW, HOP, window=self.window, return_complex=True)[:, :frames]
        log = (self.mel_filters @ (spectrum.abs() ** 2)).clamp(min=1e-10).log10()
        return (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0

    def _encode(self, mel: Tensor, frames: list[int]) -> tuple[Tensor, ...]:
        """Every hidden state. Padded frames are zeros at each convolution, as if each row ended where it ends."""
        model, longest = self.model, max(frames)
        own = torch.arange(longest, device=mel.device) < torch.tensor(frames, device=mel.device)[:, None]
        state = nn.functional.gelu(model.conv1(mel)) * own.repeat_interleave(2, dim=1)[:, None]
        state = nn.functional.gelu(model.conv2(state)).transpose(1, 2) + model.embed_positions.weight[:longest]
        state = nn.functional.dropout(state, p=model.dropout, training=self.training)
        unheard = None
        if min(frames) < longest:
            unheard = torch.zeros(own.shape, dtype=state.dtype, device=state.device)
            unheard = unheard.masked_fill(~own, torch.finfo(state.dtype).min)[:, None, None].expand(-1, 1, longest, -1)
        states = [state]
        for layer in model.layers:
            output = layer(state, unheard, **_no_head_mask(layer))
            state = output if isinstance(output, Tensor) else output[0]  # transformers 4 gives a tuple
            states.append(state)
        states[-1] = model.layer_norm(state)
        return tuple(states)


def save_encoder(model: WhisperEncoder, folder: Path) -> None:
    """Write an encoder as a folder that this module reads, with as many layers as it has."""
    folder.mkdir(parents=True)
    model.config.encoder_layers = model.config.num_hidden_layers = len(model.layers)
    model.config.save_pretrained(folder)
    weights = {f"model.encoder.{name}": weight.contiguous() for name, weight in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _no_head_mask(layer: nn.Module) -> dict[str, None]:
    """What transformers 4 wants beside the mask, and 5 does not."""
    return {"layer_head_mask": None} if "layer_head_mask" in inspect.signature(layer.forward).parameters else {}


def _load(checkpoint: str) -> Any:
    """The encoder with the weights of a folder or model id; nothing of the decoder is read."""
    stated = read_config("hf_whisper_custom", family_of_class(UpstreamExpert), checkpoint, all_families())
    check_attention(checkpoint, stated)
    _check_extractor(checkpoint, int(stated["num_mel_bins"]))
    config = WhisperConfig.from_dict(stated)
    weights = {
        ENCODER.sub("", name): weight.float()
        for file in weight_files(checkpoint)
        for name, weight in read_weights(file, lambda name: ENCODER.match(name) is not None).items()
    }
    with torch.device("meta"):
        model = WhisperEncoder(config)
    for name, expected in model.state_dict().items():
        if name not in weights:
            raise CheckpointError(f"{checkpoint} lacks encoder.{name}, which its config.json asks for")
        if weights[name].shape != expected.shape:
            raise CheckpointError(
                f"{checkpoint}: encoder.{name} does not have the shape {tuple(expected.shape)} that its config.json "
                "asks for"
            )
    check_finite(checkpoint, {f"encoder.{name}": weight for name, weight in weights.items()})
    model.load_state_dict({name: weights[name] for name in model.state_dict()}, assign=True)
    model.embed_positions.requires_grad_(False)
    return model


def _check_extractor(checkpoint: str, mels: int) -> None:
    """Refuse frames that are not Whisper's: they are computed here, and not by the folder's extractor."""
    path = find_file(checkpoint, EXTRACTOR)
    if path is None:
        return
    expected = {**MEL, "feature_size": mels}
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        wrong = {key: stated[key] for key, value in expected.items() if stated.get(key, value) != value}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a JSON object: {str(error)[:200]}") from error
    if wrong:
        raise CheckpointError(f"{path}: {wrong} is not Whisper's; expected {expected}")
