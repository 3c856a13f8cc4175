"""How hidden states leave an expert, and what a cut has to tell it: one function a style.

Each is called after the layers above the cut are gone, with the expert, its row and the number of layers kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn

from ..compat.hf_last_state import output_is_last_state
from .families import Family


def cut_hooks(expert: Any, family: Family, layers: int) -> None:
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


def cut_transformers(expert: Any, family: Family, layers: int) -> None:
    """The config follows the cut; an adapter, which transformers puts after the encoder, goes."""
    expert.model.config.num_hidden_layers = layers
    if getattr(expert.model, "adapter", None) is not None:
        expert.model.adapter = None
    output_is_last_state(expert.model)
    cut_states(expert, family, layers)


def cut_states(expert: Any, family: Family, layers: int) -> None:
    """The expert lists its states itself: keep those that the cut leaves, and name the last one."""
    keep = KeepStates(layers + 1 - family.first_state)
    for key, hook in list(expert._forward_hooks.items()):
        if isinstance(hook, KeepStates):
            expert._forward_hooks[key] = keep
            return
    expert.register_forward_hook(keep)


class KeepStates:
    """A forward hook that keeps an upstream's first `count` hidden states.

    Args:
        count: how many; ``last_hidden_state`` becomes the last of them.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, expert: nn.Module, args: Any, output: dict[str, Any]) -> dict[str, Any]:
        states = output["hidden_states"][: self.count]
        return {**output, "hidden_states": states, "last_hidden_state": states[-1]}


def cut_mockingjay(expert: Any, family: Family, layers: int) -> None:
    """Let go of the checkpoint that s3prl's builder keeps, and of the LayerNorms of gone states."""
    builder = expert.transformer
    builder.all_states = None
    builder.num_layers = builder.model_config.num_hidden_layers = layers
    norms = getattr(builder.model.encoder, "LayerNorm", None)
    if norms is not None:
        del norms[layers + 1 :]
    cut_states(expert, family, layers)


def cut_distiller(expert: Any, family: Family, layers: int) -> None:
    """The prediction heads read the last layer, and their outputs are no layer's states: they go.

    So does a final LayerNorm, which only they see.
    """
    from .distiller import CutDistiller

    expert.model.all_states = None
    model = expert.model.model
    model.output_layer = None
    if model.encoder.layer_norm_first:
        model.encoder.layer_norm = nn.Identity()
    expert.__class__ = CutDistiller


def cut_lighthubert(expert: Any, family: Family, layers: int) -> None:
    """The prediction heads, which run in every forward pass, read layers that are gone: they go."""
    expert.model.remove_pretraining_modules()
    cut_states(expert, family, layers)


def cut_blocks(expert: Any, family: Family, layers: int) -> None:
    """timm's vision transformer: the LayerNorm and classifier after the last block give no state: they go."""
    expert.model.v.norm = nn.Identity()
    expert.model.mlp_head = nn.Identity()
    cut_states(expert, family, layers)


STYLES: dict[str, Callable[[Any, Family, int], None]] = {
    "hooks": cut_hooks,
    "states": cut_states,
    "transformers": cut_transformers,
    "mockingjay": cut_mockingjay,
    "distiller": cut_distiller,
    "lighthubert": cut_lighthubert,
    "blocks": cut_blocks,
}
