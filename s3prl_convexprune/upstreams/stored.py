"""What a family's checkpoints are on disk, and a cut of one: read without its upper layers, written as one of its kind.

`checkpoint` writes such a cut into a temporary folder, to load it; `export` to where the user wants it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..compat.hf_models import find_model
from ..errors import CheckpointError, ConfigError
from ..safe_load import read_checkpoint
from .cut_file import check_layout, layers_in, without_upper_layers
from .depth import check_depth
from .exported import PROVENANCE, same_file, same_folder
from .hf_folder import cut_config, cut_weights, read_config, write_cut

if TYPE_CHECKING:
    from .family import Family, Layout


class Cut:
    """A checkpoint without its upper layers, not written yet.

    Attributes:
        whole: how many transformer layers the whole one has.
        pre_norm: whether its encoder is pre-norm.
    """

    whole: int
    pre_norm: bool

    def state(self, provenance: dict[str, Any]) -> None:
        """Say in it what it is, for an export.

        Raises:
            ConfigError: an ordinary checkpoint of this kind cannot be this cut.
        """
        raise NotImplementedError

    def is_at(self, place: Path) -> bool:
        """Whether this very cut, with what `state` said, lies at a place."""
        raise NotImplementedError

    def write(self, place: Path) -> None:
        """Write it: the file, or the folder, which is made."""
        raise NotImplementedError


class Stored:
    """Checkpoints that only their own loader knows: they are loaded whole, then cut."""

    draws_each_layer = True  # initial weights, layer by layer, from torch's generator
    for_transformers = False  # transformers loads them as they are

    def check(self, name: str, checkpoint: Path) -> None:
        """Refuse what is not of this kind at a glance.

        Raises:
            CheckpointError: it is a folder, or a file.
        """
        if checkpoint.is_dir():
            raise CheckpointError(
                f"{checkpoint} is a folder; {name} takes a checkpoint file, hf_* upstreams take folders"
            )

    def layers(self, name: str, checkpoint: str, others: Iterable[Family]) -> int | None:
        """How many transformer layers a checkpoint has; None where only loading it would tell."""
        return None

    def cut(self, name: str, checkpoint: str, layers: int, others: Iterable[Family]) -> Cut | None:
        """A checkpoint with its first layers only; None where it cannot be read so.

        Args:
            name: the upstream asked for, for messages.
            checkpoint: the whole one.
            layers: how many layers to keep.
            others: the families that it could be of instead, for messages.

        Raises:
            CheckpointError: it is damaged, of another family, or holds code.
            DepthError: it does not have that many layers.
        """
        read_checkpoint(checkpoint)  # refuses code; s3prl may read the file without looking
        return None


@dataclass(frozen=True)
class OneFile(Stored):
    """What `torch.save` wrote, laid out as s3prl's loader of the family expects it."""

    layout: Layout
    first_state: int

    def layers(self, name: str, checkpoint: str, others: Iterable[Family]) -> int | None:
        return layers_in(self._read(name, checkpoint, others), self.layout)

    def cut(self, name: str, checkpoint: str, layers: int, others: Iterable[Family]) -> Cut | None:
        states = self._read(name, checkpoint, others)
        whole = layers_in(states, self.layout)
        check_depth(name, layers, whole, self.first_state)
        cut = without_upper_layers(states, self.layout, layers)
        config = cut.get(self.layout.config[0], {})
        return FileCut(whole, bool(config.get("layer_norm_first")), cut)

    def _read(self, name: str, checkpoint: str, others: Iterable[Family]) -> dict[str, Any]:
        states = read_checkpoint(checkpoint)
        check_layout(name, checkpoint, states, self.layout, others)
        return states


@dataclass
class FileCut(Cut):
    """A cut of a `OneFile`."""

    whole: int
    pre_norm: bool
    content: dict[str, Any]

    def state(self, provenance: dict[str, Any]) -> None:
        self.content[PROVENANCE] = provenance

    def is_at(self, place: Path) -> bool:
        return same_file(place, self.content)

    def write(self, place: Path) -> None:
        torch.save(self.content, place)


@dataclass(frozen=True)
class Folder(Stored):
    """A folder in transformers' format, or a model id of the Hugging Face hub."""

    family: Family
    draws_each_layer = False
    for_transformers = True

    def check(self, name: str, checkpoint: Path) -> None:
        """`compat.hf_models` refuses a file, and knows a model id."""

    def layers(self, name: str, checkpoint: str, others: Iterable[Family]) -> int | None:
        if not Path(checkpoint).is_dir():
            return None
        return int(read_config(name, self.family, checkpoint, others)[self.family.counts[0]])

    def cut(self, name: str, checkpoint: str, layers: int, others: Iterable[Family]) -> Cut | None:
        checkpoint = find_model(checkpoint)
        config = read_config(name, self.family, checkpoint, others)
        whole = config[self.family.counts[0]]
        check_depth(name, layers, whole, self.family.first_state)
        return FolderCut(whole, self.family.has_final_norm(config), self.family, name, checkpoint, config, layers)


@dataclass
class FolderCut(Cut):
    """A cut of a `Folder`. Its weights are read when they are written."""

    whole: int
    pre_norm: bool
    family: Family
    name: str
    checkpoint: str
    config: dict[str, Any]
    layers: int

    def state(self, provenance: dict[str, Any]) -> None:
        if self.layers == 0:
            raise ConfigError(f"{self.name} cannot be exported without layers: transformers then gives no hidden state")
        # s3prl counts states, so LayerDrop is off; transformers 5 gives the last state after the LayerNorm if asked
        self.config |= {"layerdrop": 0.0, "tie_last_hidden_states": True, PROVENANCE: provenance}

    def is_at(self, place: Path) -> bool:
        weights = cut_weights(self.checkpoint, self.family, self.config, self.layers)
        return same_folder(place, cut_config(self.family, self.config, self.layers), weights)

    def write(self, place: Path) -> None:
        place.mkdir()
        write_cut(self.checkpoint, self.family, self.config, self.layers, place)
