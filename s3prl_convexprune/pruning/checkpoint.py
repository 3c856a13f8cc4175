"""Load a cut upstream through any hub entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from s3prl_convexprune.pruning.prune import prune_upstream


def load_cut_upstream(
    base_fn: Callable[..., nn.Module], base_name: str, layers: int, final_norm: str = "drop", **kwargs: Any
) -> nn.Module:
    """Build the upstream of a hub entry with its first `layers` transformer layers only.

    Args:
        base_fn: the hub entry of the whole upstream.
        base_name: its name, for messages.
        layers: how many transformer layers to keep, 0 to all.
        final_norm: ``"drop"`` or ``"keep"``, as in `prune.prune_upstream`.
        **kwargs: what the entry takes: ``ckpt``, ``refresh``, ….

    Raises:
        DepthError: the upstream does not have that many layers, or cannot be cut.
    """
    return prune_upstream(base_fn(**kwargs), layers, final_norm)
