"""The cut: an upstream keeps its first k transformer layers and forgets the rest.

The cut upstream's hidden states are the first k + 1 of the whole one, to the last bit in eval mode.
Layer index k is the state after k transformer layers, so 0 is the input of the first layer.

Pre-norm ("large") encoders apply a LayerNorm to the output of their last layer only. That LayerNorm
belongs to the state after all n layers: a cut at k < n drops it, so that the last state is the whole
upstream's hidden_states[k]; a cut at k = n removes nothing and keeps it. ``final_norm="keep"``
applies it to the state after k layers instead. Post-norm encoders have no such LayerNorm and both
settings are the same there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

from torch import nn

from s3prl_convexprune.errors import ConfigError, DepthError
from s3prl_convexprune.pruning.families import Family, family_of
from s3prl_convexprune.pruning.last_state import output_is_last_state

FINAL_NORM = ("drop", "keep")


def num_layers(expert: nn.Module) -> int:
    """How many transformer layers an upstream has.

    Args:
        expert: an upstream as s3prl's hub builds it, whole or cut.

    Raises:
        DepthError: the upstream has no stack of transformer layers that this package can cut.
    """
    return len(_get(expert, family_of(expert).stack))


def prune_upstream(
    expert: nn.Module, layers: int, final_norm: str = "drop", *, whole: int | None = None
) -> nn.Module:
    """Keep the first `layers` transformer layers of an upstream; the others and what follows them go.

    Args:
        expert: an upstream as s3prl's hub builds it. It is changed in place.
        layers: how many layers to keep, 0 to all. 0 leaves one hidden state, the input of the first layer.
        final_norm: ``"drop"`` or ``"keep"``: what becomes of the LayerNorm after the last layer of a
            pre-norm encoder when `layers` is fewer than all.
        whole: how many layers the whole upstream has, when `expert` was loaded without its upper ones.

    Returns:
        `expert`.

    Raises:
        DepthError: `layers` is not a number of layers that the upstream has, or it cannot be cut.
        ConfigError: `final_norm` is neither of the two, or asks for a LayerNorm that an earlier cut dropped.
    """
    family = family_of(expert)
    stack = _get(expert, family.stack)
    check_depth(family.name, layers, len(stack))
    if final_norm not in FINAL_NORM:
        raise ConfigError(f"final_norm is {final_norm!r}; expected one of {', '.join(FINAL_NORM)}")

    cut_short = layers < (len(stack) if whole is None else whole)
    if family.final_norm and _get(expert, family.pre_norm or ""):
        dropped = isinstance(_get(expert, family.final_norm), nn.Identity)
        if cut_short and final_norm == "keep" and dropped:
            raise ConfigError(f"final_norm is 'keep', but an earlier cut of this {family.name} dropped it")
        if cut_short and final_norm == "drop":
            _set(expert, family.final_norm, nn.Identity())

    del stack[layers:]
    if family.layerdrop:
        _set(expert, family.layerdrop, 0.0)
    STYLES[family.style](expert, family, layers)
    return expert


def check_depth(name: str, layers: int, available: int) -> None:
    """Refuse a depth that an upstream does not have.

    Args:
        name: the upstream, for the message.
        layers: the depth asked for.
        available: how many transformer layers it has.

    Raises:
        DepthError: `layers` is not a whole number from 0 to `available`.
    """
    if isinstance(layers, bool) or not isinstance(layers, int):
        raise DepthError(f"{name}: the depth {layers!r} is not a whole number; expected 0..{available}")
    if not 0 <= layers <= available:
        raise DepthError(
            f"{name} has {available} transformer layers; L{layers} is out of range 1..{available}"
            + (" (0 keeps none of them)" if layers < 0 else "")
        )


def _get(root: Any, path: str) -> Any:
    return reduce(getattr, path.split("."), root)


def _set(root: Any, path: str, value: Any) -> None:
    parent, _, name = path.rpartition(".")
    setattr(_get(root, parent) if parent else root, name, value)


def _cut_hooks(expert: Any, family: Family, layers: int) -> None:
    """s3prl collects the states by hooks on each layer: forget those on layers that are gone."""
    gone = re.compile(rf"self\.{re.escape(family.stack)}\[(\d+)\]")
    kept = []
    for hook in expert.hooks:
        match = gone.fullmatch(hook.module_path)
        if match and int(match[1]) >= layers:
            hook.handler.remove()
        else:
            kept.append(hook)
    expert.hooks[:] = kept


def _cut_transformers(expert: Any, family: Family, layers: int) -> None:
    """The config follows the cut; an adapter, which transformers puts after the encoder, goes."""
    expert.model.config.num_hidden_layers = layers
    expert.model.adapter = None
    output_is_last_state(expert.model)


STYLES: dict[str, Callable[[Any, Family, int], None]] = {
    "hooks": _cut_hooks,
    "transformers": _cut_transformers,
}
