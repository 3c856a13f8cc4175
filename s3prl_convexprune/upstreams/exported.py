"""An export that is there already: the same command again is done at once, and nothing else is written over.

An export is moved to its place whole, so one that is there is finished. Whether it is the one asked for is seen by its
content: what it says about itself, its config, and every weight.
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

from ..compat.hf_models import EXTRACTOR
from ..errors import CheckpointError, ConfigError
from ..safe_load import read_checkpoint
from .hf_folder import read_weights

PROVENANCE = "s3prl_convexprune"


def exists(out: Path) -> ConfigError:
    """The error for a place that is taken."""
    return ConfigError(f"{out} exists already and is not this export; name another place")


def states_cut(out: Path, base: str, layers: int) -> bool:
    """Whether what lies at a place says that it is a certain cut. Its weights are not looked at.

    Args:
        out: a file, or a folder in transformers' format.
        base: the upstream that was cut.
        layers: how many layers it kept.
    """
    try:
        said = (_config(out) if out.is_dir() else read_checkpoint(out)).get(PROVENANCE)
    except CheckpointError:
        return False
    return isinstance(said, dict) and (said.get("base"), said.get("layers")) == (base, layers)


def says_cut(folder: Path) -> bool:
    """Whether a folder in transformers' format says that it is a cut."""
    return isinstance(_config(folder).get(PROVENANCE), dict)


def same_file(out: Path, cut: dict[str, Any]) -> bool:
    """Whether a checkpoint file holds what would be written."""
    return out.is_file() and _same(_unversioned(read_checkpoint(out)), _unversioned(cut))


def same_folder(out: Path, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> bool:
    """Whether a folder in transformers' format holds what would be written."""
    file = out / "model.safetensors"
    if not file.is_file() or not (out / EXTRACTOR).is_file() or _unversioned(_config(out)) != _unversioned(config):
        return False
    return _same(read_weights(file), weights)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _unversioned(content: dict[str, Any]) -> dict[str, Any]:
    """An export that an older version of this package wrote is the same export."""
    return {**content, PROVENANCE: {**content[PROVENANCE], "version": None}}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Namespace) and isinstance(other, Namespace):
        one, other = vars(one), vars(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and bool(one == other)
