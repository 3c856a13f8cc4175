"""Families that differ from `family.Family`, one class each: what a cut has to do beyond dropping layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..compat.ast_head import CLASSIFIES
from ..errors import ConfigError, DepthError
from .family import Family

if TYPE_CHECKING:
    from torch import nn

    from .stored import Stored


class Hooked(Family):
    """Fairseq's models: s3prl collects the states by hooks on each layer."""

    def follow(self, expert: Any, layers: int) -> None:
        gone = re.compile(rf"self\.{re.escape(self.stack)}\[(\d+)\]")
        kept = []
        for hook in expert.hooks:
            match = gone.fullmatch(hook.module_path)
            if match and int(match[1]) >= layers:
                hook.handler.remove()
            else:
                kept.append(hook)
        expert.hooks[:] = kept


class InFolders(Family):
    """Families whose checkpoints are folders in transformers' format."""

    def stored(self) -> Stored:
        from .stored import Folder

        return Folder(self)


class Transformers(InFolders):
    """transformers' models: the config follows the cut; an adapter, which stands after the encoder, goes."""

    def follow(self, expert: Any, layers: int) -> None:
        from ..compat.hf_last_state import output_is_last_state

        expert.model.config.num_hidden_layers = layers
        if getattr(expert.model, "adapter", None) is not None:
            expert.model.adapter = None
        output_is_last_state(expert.model)
        super().follow(expert, layers)


class Whisper(InFolders):
    """Whisper's encoder, always pre-norm; the config follows the cut."""

    def has_final_norm(self, config: Mapping[str, Any]) -> bool:
        return True

    def follow(self, expert: Any, layers: int) -> None:
        for key in self.counts:
            setattr(expert.model.config, key, layers)
        super().follow(expert, layers)


class Mockingjay(Family):
    """s3prl's builder keeps the checkpoint, and the encoder may have a LayerNorm per state: both follow the cut."""

    def follow(self, expert: Any, layers: int) -> None:
        builder = expert.transformer
        builder.all_states = None
        builder.num_layers = builder.model_config.num_hidden_layers = layers
        norms = getattr(builder.model.encoder, "LayerNorm", None)
        if norms is not None:
            del norms[layers + 1 :]
        super().follow(expert, layers)


class Distiller(Family):
    """DistilHuBERT: its prediction heads read the last layer, and their outputs are no layer's states: they go.

    So does a final LayerNorm, which only they see.
    """

    def follow(self, expert: Any, layers: int) -> None:
        from torch import nn

        from .distiller import CutDistiller

        expert.model.all_states = None
        model = expert.model.model
        model.output_layer = None
        if model.encoder.layer_norm_first:
            model.encoder.layer_norm = nn.Identity()
        expert.__class__ = CutDistiller


class LightHubert(Family):
    """LightHuBERT: its prediction heads, which run in every forward pass, read layers that are gone: they go."""

    def follow(self, expert: Any, layers: int) -> None:
        expert.model.remove_pretraining_modules()
        super().follow(expert, layers)


class Blocks(Family):
    """timm's vision transformer: the LayerNorm and classifier after the last block give no state: they go."""

    def follow(self, expert: Any, layers: int) -> None:
        from torch import nn

        expert.model.v.norm = nn.Identity()
        expert.model.mlp_head = nn.Identity()
        super().follow(expert, layers)


class ClassifyingBlocks(Blocks):
    """AST, whose expert gives its classifier's output unless it was told to give the blocks' states."""

    def check_arguments(self, arguments: Mapping[str, Any]) -> None:
        if arguments.get("feature_selection", "cls") == "cls":
            raise ConfigError(CLASSIFIES)

    def check_whole(self, expert: nn.Module) -> None:
        if getattr(expert, "feature_selection", None) != "hidden_states":
            raise DepthError(
                f"{self.name} gives its classifier's output unless told otherwise; cut it with "
                "feature_selection='hidden_states' (base_args in a config)"
            )


class Hourglass(Family):
    """Multi-resolution HuBERT: several stacks at several frame rates, see `multires`."""

    def layers(self, expert: nn.Module) -> list[nn.Module]:
        from .multires import blocks_of

        return [layer for block in blocks_of(expert) for layer in block.layers]

    def state_depths(self, expert: nn.Module, count: int) -> list[int | None]:
        from .multires import state_depths

        return state_depths(expert)

    def summed_layers(self, expert: nn.Module) -> list[nn.Module]:
        raise DepthError(f"what a cut of {self.name} costs is not a sum over its layers; profile the cut itself")

    def cut(self, expert: nn.Module, layers: int, available: int, final_norm: str) -> None:
        from .multires import cut_hourglass

        cut_hourglass(expert, layers, final_norm)
