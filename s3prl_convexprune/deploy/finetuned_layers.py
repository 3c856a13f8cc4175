"""What the SpeechBrain recipes of this package train on an upstream's hidden states, for utterances of one length."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # what the lobe adds to the variance


class LobeState(nn.Module):
    """What the lobe makes of the hidden states: ``[batch, frames, width]`` each -> one of the same shape.

    Args:
        weights: of the sum over the states, before their softmax; the last state is taken when None.
        normalised: whether the state is brought to mean 0 and variance 1 over an utterance's frames and channels.
    """

    def __init__(self, weights: Tensor | None, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised
        self.register_buffer("shares", None if weights is None else torch.softmax(weights.float(), dim=0))

    def forward(self, states: list[Tensor]) -> Tensor:
        state = states[-1]
        if self.shares is not None:
            shares = self.get_buffer("shares")
            state = torch.stack([share * one for share, one in zip(shares, states, strict=True)]).sum(0)
        if not self.normalised:
            return state
        centred = state - state.mean((1, 2), keepdim=True)
        return centred / torch.sqrt((centred * centred).mean((1, 2), keepdim=True) + EPSILON)


class UtteranceHead(nn.Module):
    """KS, SID and ER: the mean over time and a linear layer; hidden states -> logits ``[batch, labels]``."""

    def __init__(self, state: LobeState, linear: nn.Linear) -> None:
        super().__init__()
        self.state, self.linear = state, linear

    def forward(self, states: list[Tensor]) -> Tensor:
        logits: Tensor = self.linear(self.state(states).mean(1))
        return logits


class CharacterHead(nn.Module):
    """ASR: linear layers with leaky ReLUs between them; hidden states -> logits ``[batch, frames, labels]``."""

    def __init__(self, state: LobeState, linears: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.state, self.linears = state, nn.ModuleList(linears)

    def forward(self, states: list[Tensor]) -> Tensor:
        feature: Tensor = self.state(states)
        for number, linear in enumerate(self.linears):
            feature = linear(feature if number == 0 else nn.functional.leaky_relu(feature))
        return feature


def linear_of(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with these weights."""
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return linear.requires_grad_(False)
