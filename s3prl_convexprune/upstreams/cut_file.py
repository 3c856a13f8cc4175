"""A checkpoint file with the upper layers left out, as the family's own loader takes it."""

from __future__ import annotations

import copy
import re
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from ..errors import CheckpointError

if TYPE_CHECKING:
    from .family import Family, Layout


def layers_in(states: dict[str, Any], layout: Layout) -> int:
    """How many transformer layers a checkpoint holds weights of."""
    found = [_index(layout.layers, name) for name in states[layout.weights]]
    return max((index for index in found if index is not None), default=-1) + 1


def check_layout(name: str, path: str, states: dict[str, Any], layout: Layout, others: Iterable[Family]) -> None:
    """Refuse a checkpoint that is not laid out as its family's are.

    Args:
        name: the upstream asked for, for the message.
        path: the checkpoint's path, for the message.
        states: its content.
        layout: what is expected.
        others: the families that it could be of instead.

    Raises:
        CheckpointError: something that the family's loader needs is not there.
    """
    lacking = _lacking(states, layout)
    if lacking:
        fitting = [family.name for family in others if family.layout and not _lacking(states, family.layout)]
        hint = f"; it looks like one of {' or '.join(fitting)}" if fitting else ""
        raise CheckpointError(f"{path} is not a checkpoint for {name}: it has no {lacking!r}{hint}")
    config: Any = states
    for key in _config_keys(states, layout) or ():
        config = _entries(config)[key]
    stated, found = _entries(config).get(layout.count, 0), layers_in(states, layout)
    if stated > found:
        raise CheckpointError(
            f"{path} lacks {layout.layers}{found}: its config says {layout.count} {stated}, its weights have {found}"
        )


def without_upper_layers(states: dict[str, Any], layout: Layout, layers: int) -> dict[str, Any]:
    """The content of a checkpoint as an upstream of `layers` layers would have it.

    Args:
        states: the content of the whole one, as `safe_load.read_checkpoint` gives it. It is not changed.
        layout: how it is laid out.
        layers: how many layers to keep.

    Returns:
        A dict for `torch.save`: what the family's loader reads and nothing else, the config's number of layers set.
    """
    weights = {
        name: _own_storage(weight)
        for name, weight in states[layout.weights].items()
        if (index := _index(layout.layers, name)) is None or index < layers
        if layout.norms is None or (_index(layout.norms, name) or 0) <= layers
    }
    if layout.teacher:
        weights[layout.teacher] = {}
    keys = _config_keys(states, layout)
    assert keys is not None
    wanted = {keys[0], *layout.others, *layout.looks_at}
    kept = {key: copy.deepcopy(states[key]) for key in wanted if key in states}
    config = kept
    for key in keys:
        config = _entries(config)[key]
    _entries(config)[layout.count] = layers
    kept[layout.weights] = weights
    return kept


def _lacking(states: dict[str, Any], layout: Layout) -> str | None:
    for key in (layout.weights, *layout.others):
        if key not in states:
            return key
    if not isinstance(states[layout.weights], dict):
        return layout.weights
    if layout.teacher and layout.teacher not in states[layout.weights]:
        return f"{layout.weights}.{layout.teacher}"
    if _config_keys(states, layout) is None:
        return ".".join(layout.config)
    if not layers_in(states, layout):
        return f"{layout.weights}.{layout.layers}0"
    return None


def _config_keys(states: dict[str, Any], layout: Layout) -> list[str] | None:
    """The keys that lead to the model's config; None when they lead nowhere."""

    def walk(node: Any, steps: tuple[str, ...]) -> list[str] | None:
        if not steps:
            return [] if isinstance(node, (dict, Namespace)) else None
        for key in steps[0].split("|"):
            inner = _entries(node).get(key) if isinstance(node, (dict, Namespace)) else None
            rest = walk(inner, steps[1:]) if inner is not None else None
            if rest is not None:
                return [key, *rest]
        return None

    return walk(states, layout.config)


def _index(prefix: str, name: str) -> int | None:
    """The number that follows a prefix in a weight's name.

    >>> _index("encoder.layers.", "encoder.layers.11.fc1.weight")
    11
    >>> _index("encoder.layers.", "encoder.layer_norm.weight") is None
    True
    """
    match = re.match(re.escape(prefix) + r"(\d+)\.", name)
    return int(match[1]) if match else None


def _entries(node: Any) -> dict[str, Any]:
    return vars(node) if isinstance(node, Namespace) else node


def _own_storage(weight: Any) -> Any:
    """A tensor that is a part of a larger one would be saved with all of it."""
    if isinstance(weight, torch.Tensor):
        own = weight.numel() * weight.element_size()
        if weight.untyped_storage().nbytes() > own:
            return weight.clone()
    return weight
