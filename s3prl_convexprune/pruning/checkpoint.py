"""Load a cut upstream through any hub entry, reading and holding its own layers only.

The entry says which expert class it builds and on which checkpoint (`entry`). The kept layers of that checkpoint are
copied into a temporary one with the family's own layout, the expert is built on it as s3prl builds it, and the file
is deleted. So the peak is that of an upstream with that many layers, and so are the bytes read.

Families without a `Layout`, and files in torch's format from before version 1.6, are loaded whole, then cut.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import CheckpointError, ConvexPruneError
from .cut_file import check_layout, layers_in, without_upper_layers
from .entry import ExpertCall, expert_call
from .families import Family, family_of_class, family_of_entry
from .hf_folder import read_config, write_cut
from .prune import check_depth, check_final_norm, prune_upstream
from .safe_load import read_checkpoint


def load_cut_upstream(
    base_fn: Callable[..., nn.Module], base_name: str, layers: int, final_norm: str = "drop", **kwargs: Any
) -> nn.Module:
    """Build the upstream of a hub entry with its first `layers` transformer layers only.

    Args:
        base_fn: the hub entry of the whole upstream.
        base_name: its name, for messages.
        layers: how many transformer layers to keep, 0 to all.
        final_norm: ``"drop"`` or ``"keep"``, as in `prune.prune_upstream`.
        **kwargs: what the entry takes: ``ckpt``, ``refresh``, ….

    Returns:
        The expert, as the entry builds it, cut.

    Raises:
        DepthError: the upstream does not have that many layers, or cannot be cut.
        CheckpointError: the checkpoint is missing, truncated, of another family, or holds code.
    """
    check_final_norm(final_norm)
    family_of_entry(base_name, base_fn)
    try:
        call = expert_call(base_fn, **kwargs)
        if call is None:
            return prune_upstream(base_fn(**kwargs), layers, final_norm)
        return _load(call, base_name, layers, final_norm)
    except (ConvexPruneError, ImportError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{base_name} cannot be built: {reason}") from error


def _load(call: ExpertCall, name: str, layers: int, final_norm: str) -> nn.Module:
    family = family_of_class(call.expert)
    if call.checkpoint is None or call.expert.__name__.startswith("Legacy"):  # fairseq reads its own files
        return prune_upstream(call.build(), layers, final_norm)
    with tempfile.TemporaryDirectory(prefix="s3prl_convexprune-") as folder:
        write = _write_transformers if family.model_type else _write_native
        whole = write(call, family, name, layers, Path(folder))
        if whole is None:
            return prune_upstream(call.build(), layers, final_norm)
        written = next(iter(Path(folder).glob("*.pt")), Path(folder))
        return prune_upstream(call.build(str(written)), layers, final_norm, whole=whole)


def _write_native(call: ExpertCall, family: Family, name: str, layers: int, folder: Path) -> int | None:
    """Write the cut checkpoint; the whole one's number of layers, or None when only the whole one will do."""
    assert call.checkpoint is not None
    states = read_checkpoint(call.checkpoint)
    layout = family.layout
    if layout is None:
        return None
    check_layout(name, call.checkpoint, states, layout)
    whole = layers_in(states, layout)
    check_depth(name, layers, whole, family.first_state)
    torch.save(without_upper_layers(states, layout, layers), folder / "cut.pt")
    return whole


def _write_transformers(call: ExpertCall, family: Family, name: str, layers: int, folder: Path) -> int:
    assert call.checkpoint is not None
    config = read_config(name, family, call.checkpoint)
    whole = config["num_hidden_layers"]
    check_depth(name, layers, whole, family.first_state)
    write_cut(call.checkpoint, config, layers, folder)
    return whole
