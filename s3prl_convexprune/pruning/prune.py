"""The cut: an upstream keeps its first k transformer layers and forgets the rest.

The cut upstream's hidden states are the first of the whole one's, up to the state after k transformer layers, to
the last bit in eval mode. State 0 is the input of the first layer.

Pre-norm ("large") encoders apply a LayerNorm to the output of their last layer only. That LayerNorm belongs to
the state after all n layers: a cut at k < n drops it, so that the last state is the whole upstream's
hidden_states[k]; a cut at k = n removes no layer and keeps it. ``final_norm="keep"`` applies it to the state after
k layers instead. Post-norm encoders have no such LayerNorm, nor do upstreams whose states never pass it; both
settings are the same there.
"""

from __future__ import annotations

from torch import nn

from ..config import FINAL_NORMS
from ..errors import ConfigError, DepthError
from .families import Family, family_of
from .paths import get, put
from .styles import STYLES


def transformer_layers(expert: nn.Module) -> list[nn.Module]:
    """The transformer layers of an upstream, in the order they run. One module may stand there more than once.

    Raises:
        DepthError: the upstream has no stack of transformer layers that this package can cut.
    """
    family = family_of(expert)
    if family.style == "hourglass":
        from .multires import blocks_of

        return [layer for block in blocks_of(expert) for layer in block.layers]
    return list(get(expert, family.stack))


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
    family = family_of(expert)
    if family.style == "hourglass":
        from .multires import state_depths

        return state_depths(expert)
    first, layers = family.first_state, num_layers(expert)
    return [depth if depth <= layers else None for depth in range(first, first + count)]


def prune_upstream(
    expert: nn.Module, layers: int, final_norm: str = "drop", *, whole: int | None = None
) -> nn.Module:
    """Keep the first `layers` transformer layers of an upstream; the others and what hangs on them go.

    Args:
        expert: an upstream as s3prl's hub builds it. It is changed in place.
        layers: how many layers to keep, 0 to all. 0 leaves one hidden state, the input of the first layer.
        final_norm: ``"drop"`` or ``"keep"``: what becomes of the LayerNorm after the last layer of a pre-norm
            encoder when `layers` is fewer than all.
        whole: how many layers the whole upstream has, when `expert` was loaded without its upper ones.

    Returns:
        `expert`.

    Raises:
        DepthError: `layers` is not a number of layers that the upstream has, or it cannot be cut.
        ConfigError: `final_norm` is neither of the two, or asks for a LayerNorm that an earlier cut dropped.
    """
    family = family_of(expert)
    check_final_norm(final_norm)
    if family.name == "ast" and getattr(expert, "feature_selection", None) != "hidden_states":
        raise DepthError(
            "ast gives its classifier's output unless told otherwise; cut it with "
            "feature_selection='hidden_states' (base_args in a config)"
        )
    available = num_layers(expert) if whole is None else whole
    check_depth(family.name, layers, available, family.first_state)
    if family.style == "hourglass":
        from .multires import cut_hourglass

        cut_hourglass(expert, layers, final_norm)
        return expert

    if family.final_norm and layers < available and get(expert, family.pre_norm or ""):
        if final_norm == "drop":
            put(expert, family.final_norm, nn.Identity())
        elif isinstance(get(expert, family.final_norm), nn.Identity):
            raise ConfigError(f"final_norm is 'keep', but an earlier cut of this {family.name} dropped it")
    del get(expert, family.stack)[layers:]
    _switch_off_layerdrop(expert, family)
    STYLES[family.style](expert, family, layers)
    return expert


def check_final_norm(final_norm: str) -> None:
    """Refuse a `final_norm` that is neither ``"drop"`` nor ``"keep"``.

    Raises:
        ConfigError: it is neither.
    """
    if final_norm not in FINAL_NORMS:
        raise ConfigError(f"final_norm is {final_norm!r}; expected one of {', '.join(FINAL_NORMS)}")


def check_depth(name: str, layers: int, available: int, first_state: int = 0) -> None:
    """Refuse a depth that an upstream does not have.

    Args:
        name: the upstream, for the message.
        layers: the depth asked for.
        available: how many transformer layers it has.
        first_state: the smallest depth that leaves a hidden state.

    Raises:
        DepthError: `layers` is not a whole number from `first_state` to `available`.

    >>> check_depth("hubert", 13, 12)
    Traceback (most recent call last):
    s3prl_convexprune.errors.DepthError: hubert has 12 transformer layers; L13 is out of range 1..12
    """
    if isinstance(layers, bool) or not isinstance(layers, int):
        raise DepthError(f"{name}: the depth {layers!r} is not a whole number; expected 1..{available}")
    if layers == 0 and first_state > 0:
        raise DepthError(
            f"{name} gives no hidden state before its first transformer layer; "
            f"L0 is out of range 1..{available}"
        )
    if not 0 <= layers <= available:
        raise DepthError(
            f"{name} has {available} transformer layers; L{layers} is out of range 1..{available}"
        )


def _switch_off_layerdrop(expert: nn.Module, family: Family) -> None:
    if family.layerdrop:
        put(expert, family.layerdrop, 0.0)
    stack = get(expert, family.stack)
    if hasattr(stack, "p"):  # fairseq's LayerDropModuleList
        stack.p = 0.0
