"""SUPERB's utterance-level head on pooled states: many of them trained at once.

The heads of KS, SID and ER are a weighted sum of the states (softmax weights), a linear projector, the mean over time
and a linear layer: all linear in time. On the mean of each state such a head gives the same logits, so it can be
trained there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

PROJECTOR = 256  # s3prl's recipes' projector_dim
CLIP = 1.0  # and their gradient_clipping
AT_ONCE = 512  # points that all heads classify at a time


@dataclass(frozen=True)
class HeadSettings:
    """How heads are trained: Adam on minibatches, gradients clipped as in s3prl's recipes.

    Attributes:
        steps: optimizer steps.
        lr: learning rate.
        batch: points a step.
        seeds: one head each.
    """

    steps: int = 300
    lr: float = 3e-3
    batch: int = 32
    seeds: tuple[int, ...] = (0, 1, 2)


def train_heads(
    states: torch.Tensor, codes: np.ndarray, read: np.ndarray, classes: int, train: np.ndarray, how: HeadSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Train one head for every depth and seed, all in one go, and classify every point.

    Args:
        states: ``[states, points, dim]``.
        codes: ``[points]``, each point's class as a number.
        read: ``[depths, states]``, which of the states each head reads.
        classes: how many classes there are.
        train: indices of the points to train on.
        how: settings.

    Returns:
        ``[seeds, depths, points]`` predicted classes, and ``[seeds, depths, states]`` weights of the sum.
    """
    n_states, _, dim = states.shape
    seeds, heads = len(how.seeds), len(read)
    weights, biases = _initial(how.seeds, heads, dim, classes)
    mix = torch.zeros(seeds, heads, n_states)
    unread = ~torch.as_tensor(read)
    parameters = [mix, *weights, *biases]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr=how.lr)
    target = torch.as_tensor(codes)
    orders = [np.random.default_rng(seed) for seed in how.seeds]
    size = min(how.batch, len(train))
    for _ in range(how.steps):
        chosen = torch.as_tensor(np.stack([order.choice(train, size, replace=False) for order in orders]))
        logits = _logits(states[:, chosen], mix, unread, weights, biases)
        wanted = target[chosen][:, None].expand(seeds, heads, size)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), wanted.flatten(), reduction="sum") / size
        optimizer.zero_grad()
        loss.backward()
        _clip(parameters)
        optimizer.step()
    predicted = []
    with torch.no_grad():
        for some in states.split(AT_ONCE, dim=1):  # the mixed points of all heads together would not fit in memory
            every = some[:, None].expand(-1, seeds, -1, -1)
            predicted.append(_logits(every, mix, unread, weights, biases).argmax(dim=-1))
        return torch.cat(predicted, dim=-1).numpy(), _softmax(mix, unread).numpy()


def _initial(seeds: Sequence[int], heads: int, dim: int, classes: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Parameters as `torch.nn.Linear` draws them, the same for all depths of a seed: ``[seeds, heads, in, out]``."""
    layers: list[list[torch.nn.Linear]] = [[], []]
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            layers[0].append(torch.nn.Linear(dim, PROJECTOR))
            layers[1].append(torch.nn.Linear(PROJECTOR, classes))
    repeat = (1, heads, 1, 1)
    weights = [torch.stack([layer.weight.detach().T for layer in own])[:, None].repeat(repeat) for own in layers]
    biases = [torch.stack([layer.bias.detach() for layer in own])[:, None, None].repeat(repeat) for own in layers]
    return weights, biases


def _softmax(mix: torch.Tensor, unread: torch.Tensor) -> torch.Tensor:
    return mix.masked_fill(unread, -torch.inf).softmax(dim=-1)


def _logits(
    points: torch.Tensor,
    mix: torch.Tensor,
    unread: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor],
) -> torch.Tensor:
    """``[seeds, heads, points, classes]`` of points ``[states, seeds, points, dim]``."""
    mixed = torch.einsum("shl,lspd->shpd", _softmax(mix, unread), points)
    return (mixed @ weights[0] + biases[0]) @ weights[1] + biases[1]


def _clip(parameters: Sequence[torch.Tensor]) -> None:
    """Each head's own gradient to norm 1 at most."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    square = sum(gradient.flatten(2).square().sum(dim=2) for gradient in gradients)
    scale = (CLIP / (torch.as_tensor(square).sqrt() + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.reshape(*scale.shape, *[1] * (gradient.dim() - 2)))
