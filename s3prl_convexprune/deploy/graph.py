"""A cut as one function of a tensor of waveforms, in operations that an exporter can follow.

s3prl's experts take lists, pad them and collect states by hooks. Here the layers are called one after the other on a
batch of waveforms of one length, so nothing is padded. What is called is transformers' model of the family; native
upstreams are converted first (`upstreams.to_transformers`).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..upstreams.families import family_of
from ..upstreams.to_transformers import KINDS, to_transformers
from .front_end import FrontEnd

#: transformers model types whose layers are called as `DeviceModel.states` calls them.
TRACED = ("hubert", "wav2vec2", "wavlm", "data2vec-audio")
NATIVE_EPSILON, EXTRACTORS_EPSILON = 1e-5, 1e-7  # what each adds to the variance of a waveform


class DeviceModel(nn.Module):
    """An upstream, and what is made of its states.

    Args:
        model: a model of transformers.
        epsilon: what is added to a waveform's variance when it is normalised; None where it is not.
        returns: ``states``, ``last``, ``pooled`` or ``logits``, see `exported.Exported`.
        head: from the states to logits, for ``logits``.
        for_eight_bits: the front end is written as products with matrices, and what ``states`` gives comes second.

    Shape:
        - Input: ``[batch, samples]``, 16 kHz, float32.
    """

    def __init__(
        self,
        model: Any,
        epsilon: float | None,
        returns: str,
        head: nn.Module | None = None,
        for_eight_bits: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.epsilon, self.returns, self.head = model, epsilon, returns, head
        self.front_end, self.with_states = FrontEnd(model.feature_extractor, products=for_eight_bits), for_eight_bits

    def states(self, wav: Tensor) -> list[Tensor]:
        """The hidden states, ``[batch, frames, width]`` each: the first layer's input, then each layer's output."""
        if self.epsilon is not None:
            centred = wav - wav.mean(-1, keepdim=True)
            wav = centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + self.epsilon)
        encoder = self.model.encoder
        state = _first(self.model.feature_projection(self.front_end(wav)))
        state = state + encoder.pos_conv_embed(state)
        pre_norm = bool(getattr(self.model.config, "do_stable_layer_norm", False))
        if not pre_norm:
            state = encoder.layer_norm(state)
        states, bias = [state], None
        for index, layer in enumerate(encoder.layers):
            if self.model.config.model_type == "wavlm":
                state, bias = layer(state, position_bias=bias, index=index)[:2]
            else:
                state = _first(layer(state))
            states.append(state)
        if pre_norm:
            states[-1] = encoder.layer_norm(states[-1])
        return states

    def forward(self, wav: Tensor) -> Any:
        states = self.states(wav)
        return (self._answer(states), torch.stack(states)) if self.with_states else self._answer(states)

    def _answer(self, states: list[Tensor]) -> Tensor:
        if self.returns == "last":
            return states[-1]
        if self.returns == "states":
            return torch.stack(states)
        if self.head is not None:
            return cast(Tensor, self.head(states))
        return torch.stack([state.mean(1) for state in states])


def _first(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def device_model(
    name: str, expert: Any, returns: str, head: nn.Module | None = None, for_eight_bits: bool = False
) -> DeviceModel:
    """The function that an upstream computes, ready to be exported.

    Args:
        name: the upstream, for messages.
        expert: it, in eval mode.
        returns: what the function gives.
        head: from the states to logits.
        for_eight_bits: see `DeviceModel`.

    Raises:
        ConfigError: its family cannot be exported; the message says why.
        CheckpointError: it has something that transformers' model lacks.
    """
    family = family_of(expert)
    if family.name in KINDS:
        model, extractor = to_transformers(name, expert, dropped_norm=True)
        epsilon = NATIVE_EPSILON if extractor.do_normalize else None
    else:
        model = getattr(expert, "model", None)
        kind = getattr(getattr(model, "config", None), "model_type", None)
        if kind not in TRACED:
            raise ConfigError(
                f"{name} cannot be exported to onnx: the graph is written for {', '.join(KINDS)} and their hf_* forms; "
                f"the layers of a {family.name} are called in another way"
            )
        epsilon = EXTRACTORS_EPSILON if expert.extracter.do_normalize else None
    return DeviceModel(model, epsilon, returns, head, for_eight_bits).eval()


def shortest_input(model: DeviceModel) -> int:
    """Samples of the shortest waveform that leaves one frame: the receptive field of the convolutions."""
    field = 1
    convolutions = zip(model.model.config.conv_kernel, model.model.config.conv_stride, strict=True)
    for kernel, stride in reversed(list(convolutions)):
        field = (field - 1) * stride + kernel
    return field
