"""Which depths an upstream has."""

from __future__ import annotations

from ..errors import DepthError


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
            f"{name} gives no hidden state before its first transformer layer; L0 is out of range 1..{available}"
        )
    if not 0 <= layers <= available:
        raise DepthError(f"{name} has {available} transformer layers; L{layers} is out of range 1..{available}")
