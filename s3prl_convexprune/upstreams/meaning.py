"""What the name of a cut stands for at this moment: a config that is edited, or an analysis made anew, changes it."""

from __future__ import annotations

from typing import Any

from ..errors import UnknownUpstreamError
from .config import UpstreamConfig
from .names import chosen_layers, depths_of, resolve, whole_upstreams


def meaning_of(name: str) -> dict[str, Any] | None:
    """Everything that a name says of a cut's numbers, as JSON holds it.

    Args:
        name: an upstream's on the hub.

    Returns:
        Base, depth, what becomes of the last LayerNorm, and the arguments of the base; None for a whole upstream.

    Raises:
        DepthError, ConfigError, ArtifactError: see `names.resolve` and `names.chosen_layers`.

    >>> meaning_of("hubert_convexpruned_L6")
    {'base': 'hubert', 'layers': 6, 'final_norm': 'drop', 'base_args': {}}
    >>> meaning_of("hubert") is None
    True
    """
    try:
        return meaning(resolve(name))
    except UnknownUpstreamError:  # a whole upstream's
        return None


def meaning(config: UpstreamConfig) -> dict[str, Any]:
    """What `meaning_of` a cut's name gives, for its config.

    Raises:
        DepthError, ConfigError, ArtifactError: see `names.chosen_layers`.
    """
    norm = config.final_norm or depths_of(whole_upstreams()[config.base]).final_norm
    arguments = {key: str(value) for key, value in config.base_args.items()}
    return {"base": config.base, "layers": chosen_layers(config), "final_norm": norm, "base_args": arguments}
