"""A folder in transformers' format with the upper layers left out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..atomic import with_usual_mode
from ..compat.hf_models import EXTRACTOR, find_file, read_extractor
from ..compat.hf_weights import LAYER
from ..errors import CheckpointError
from ..safe_load import check_config, read_checkpoint

if TYPE_CHECKING:
    from .family import Family

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


def read_config(name: str, family: Family, checkpoint: str, others: Iterable[Family]) -> dict[str, Any]:
    """The config of a model in transformers' format.

    Args:
        name: the upstream asked for, for messages.
        family: its row.
        checkpoint: a folder, or a model id of the Hugging Face hub.
        others: the families that it could be of instead.

    Raises:
        CheckpointError: there is no config, or it is of another family's model.
    """
    path = find_file(checkpoint, "config.json")
    if path is None:
        raise CheckpointError(f"{name}: {checkpoint} has no config.json; expected a model in transformers' format")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{name}: {path} is not JSON: {str(error)[:200]}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{name}: {path} is no JSON object; expected a model in transformers' format")
    check_config(str(path), config)
    kind = config.get("model_type")
    if kind != family.model_type:
        takers = [f"{other.name}_custom" for other in others if other.model_type == kind]
        hint = f"; {takers[0]} takes it" if takers else ""
        raise CheckpointError(f"{name}: {checkpoint} is a model of type {kind!r}, expected {family.model_type!r}{hint}")
    count = config.get(family.counts[0])
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise CheckpointError(f"{name}: {path} has {family.counts[0]} {count!r}; expected a number of layers")
    return config


def write_cut(checkpoint: str, family: Family, config: dict[str, Any], layers: int, folder: Path) -> None:
    """Write the model with its first `layers` layers into a folder. Only the kept weights are read.

    Args:
        checkpoint: the whole model: a folder, or a model id of the Hugging Face hub.
        family: its row.
        config: its config.
        layers: how many layers to keep.
        folder: where the cut model goes.

    Raises:
        CheckpointError: the weights are missing, truncated or hold code.
    """
    from safetensors.torch import save_file

    save_file(cut_weights(checkpoint, family, config, layers), folder / "model.safetensors", metadata={"format": "pt"})
    with_usual_mode(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(cut_config(family, config, layers)), encoding="utf-8")
    extractor = find_file(checkpoint, EXTRACTOR)
    if extractor is not None:
        shutil.copyfile(extractor, folder / extractor.name)
    elif family.extractor:
        read_extractor(checkpoint).save_pretrained(folder)


def cut_config(family: Family, config: dict[str, Any], layers: int) -> dict[str, Any]:
    """A model's config with another number of layers."""
    return config | {key: layers for key in family.counts if key in config}


def cut_weights(checkpoint: str, family: Family, config: dict[str, Any], layers: int) -> dict[str, torch.Tensor]:
    """The weights that a cut keeps; arguments and errors as in `write_cut`."""
    there: set[int] = set()

    def kept(name: str) -> bool:
        match = LAYER.search(name)
        if match:
            there.add(int(match[1]))
        read = family.reads is None or re.match(family.reads, name) is not None
        return read and not (match and int(match[1]) >= layers)

    weights: dict[str, torch.Tensor] = {}
    for file in weight_files(checkpoint):
        weights.update(read_weights(file, kept))
    stated = config[family.counts[0]]
    if lacking := set(range(max(layers, stated))) - there:
        raise CheckpointError(
            f"{checkpoint} lacks the weights of transformer layer {min(lacking) + 1}; its config.json says "
            f"{family.counts[0]} {stated}, its weights have {len(there)}"
        )
    return weights


def read_weights(file: Path, kept: Callable[[str], bool] = lambda name: True) -> dict[str, torch.Tensor]:
    """The weights of one file whose names are wanted.

    Raises:
        CheckpointError: it is truncated or holds code.
    """
    if file.suffix != ".safetensors":
        states = read_checkpoint(file)
        return {name: weight.clone().contiguous() for name, weight in states.items() if kept(name)}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys() if kept(name)}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{file} is truncated or damaged: {error}") from error


def weight_files(checkpoint: str) -> list[Path]:
    """The files that hold a model's weights: one, or its shards.

    Raises:
        CheckpointError: there are none, or a shard is missing.
    """
    for name in WEIGHTS:
        path = find_file(checkpoint, name)
        if path is None:
            continue
        if path.suffix != ".json":
            return [path]
        try:
            shards = sorted({str(shard) for shard in json.loads(path.read_text("utf-8"))["weight_map"].values()})
        except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} is not an index of weights: expected a weight_map, name to file") from error
        if outside := [shard for shard in shards if Path(shard).name != shard]:
            raise CheckpointError(f"{path} names {outside[0]!r}; expected files beside it")
        found = [find_file(checkpoint, shard) for shard in shards]
        missing = [shard for shard, file in zip(shards, found, strict=True) if file is None]
        if missing:
            raise CheckpointError(f"{checkpoint} lacks {missing[0]}, which its {path.name} names")
        return [file for file in found if file is not None]
    raise CheckpointError(f"{checkpoint} has no weights; expected model.safetensors or pytorch_model.bin")
