"""The cut: an upstream keeps its first k transformer layers and forgets the rest.

The cut upstream's hidden states are the first of the whole one's, up to the state after k transformer layers, to
the last bit in eval mode. State 0 is the input of the first layer.

Pre-norm ("large") encoders apply a LayerNorm to the output of their last layer only. That LayerNorm belongs to
the state after all n layers: a cut at k < n drops it, so that the last state is the whole upstream's
hidden_states[k]; a cut at k = n removes no layer and keeps it. ``final_norm="keep"`` applies it to the state after
k layers instead, which is usual for Whisper, where it was measured to be better. Post-norm encoders have no such
LayerNorm, nor do upstreams whose states never pass it; both settings are the same there.
"""

from __future__ import annotations

from torch import nn

from ..errors import ConfigError, DepthError
from .attributes import get
from .config import FINAL_NORMS
from .depth import check_depth
from .families import family_of


def transformer_layers(expert: nn.Module) -> list[nn.Module]:
    """The transformer layers of an upstream, in the order they run. One module may stand there more than once.

    Raises:
        DepthError: the upstream has no stack of transformer layers that this package can cut.
    """
    return family_of(expert).layers(expert)


def num_layers(expert: nn.Module) -> int:
    """How many transformer layers an upstream has, whole or cut.

    Raises:
        DepthError: the upstream has no stack of transformer layers that this package can cut.
    """
    return len(transformer_layers(expert))


def state_depths(expert: nn.Module, count: int) -> list[int | None]:
    """How many transformer layers each of an upstream's hidden states has behind it.

    Args:
        expert: an upstream as s3prl's hub builds it.
        count: how many hidden states it gives.

    Returns:
        `count` depths. None stands for a state that is not a layer's (DistilHuBERT's prediction heads); no cut
        ends there. Most upstreams give 0, 1, …, n; those that do not give the input of their first layer 1, …, n.
    """
    return family_of(expert).state_depths(expert, count)


def prune_upstream(
    expert: nn.Module, layers: int, final_norm: str | None = None, *, whole: int | None = None
) -> nn.Module:
    """Keep the first `layers` transformer layers of an upstream; the others and what hangs on them go.

    Args:
        expert: an upstream as s3prl's hub builds it. It is changed in place.
        layers: how many layers to keep, 0 to all. 0 leaves one hidden state, the input of the first layer.
        final_norm: ``"drop"`` or ``"keep"``: what becomes of the LayerNorm after the last layer of a pre-norm
            encoder when `layers` is fewer than all. None: ``"keep"`` for Whisper, else ``"drop"``.
        whole: how many layers the whole upstream has, when `expert` was loaded without its upper ones.

    Returns:
        `expert`.

    Raises:
        DepthError: `layers` is not a number of layers that the upstream has, or it cannot be cut.
        ConfigError: `final_norm` is neither of the two, or asks for a LayerNorm that an earlier cut dropped.
    """
    family = family_of(expert)
    check_final_norm(final_norm)
    family.check_whole(expert)
    available = num_layers(expert) if whole is None else whole
    check_depth(family.name, layers, available, family.first_state)
    if final_norm is None and kept_final_norm(expert) is None:
        final_norm = "drop"  # there is none, or the cut before this one dropped it
    family.cut(expert, layers, available, family.norm_of_cuts(final_norm))
    return expert


def kept_final_norm(expert: nn.Module) -> nn.Module | None:
    """The LayerNorm that an upstream's last hidden state passes and no other does; None if there is no such one."""
    try:
        family = family_of(expert)
    except DepthError:
        return None
    if family.final_norm is None or not get(expert, family.pre_norm or ""):
        return None
    final_norm = get(expert, family.final_norm)
    return None if isinstance(final_norm, nn.Identity) else final_norm


def check_final_norm(final_norm: str | None) -> None:
    """Refuse a `final_norm` that is stated and neither ``"drop"`` nor ``"keep"``.

    Raises:
        ConfigError: it is neither.
    """
    if final_norm not in (None, *FINAL_NORMS):
        raise ConfigError(f"final_norm is {final_norm!r}; expected one of {', '.join(FINAL_NORMS)}")
