"""How alike the hidden states are, frame by frame: what block influence and angular distance are means of.

A point is a mean over frames, and the cosine of two means is not the mean of the frames' cosines. So these are gathered
where the frames are, in the pass that makes the points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def alike(states: Sequence[torch.Tensor], rates: Sequence[int]) -> torch.Tensor | None:
    """For each frame the cosine and the angle, in half turns, of every two states.

    Args:
        states: a tensor a state, ``[batch, frames, dim]``.
        rates: samples a frame, for each state.

    Returns:
        ``[batch, frames, S (S - 1)]``: the cosines of the pairs in the order of `numpy.triu_indices`, then their
        angles; None where states differ in width or in rate, and no frame of one is a frame of the other.
    """
    if len({(state.shape[1:], rate) for state, rate in zip(states, rates, strict=True)}) > 1:
        return None
    units = torch.stack([torch.nn.functional.normalize(state.float(), dim=-1) for state in states], dim=2)
    first, second = np.triu_indices(len(states), 1)
    cosines = (units @ units.transpose(2, 3))[:, :, first, second].clamp(-1.0, 1.0)
    return torch.cat([cosines, torch.arccos(cosines) / torch.pi], dim=2)
