"""Load a cut upstream through any hub entry, reading and holding its own layers only.

The entry says which expert class it builds and on which checkpoint (`entry`). The kept layers of that checkpoint are
copied into a temporary one of the family's own kind (`stored`), the expert is built on it as s3prl builds it, and the
copy is deleted. So the peak is that of an upstream with that many layers, and so are the bytes read.

Families whose checkpoints only their own loader knows, and files in torch's format from before version 1.6, are loaded
whole, then cut.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..atomic import explained
from ..errors import CheckpointError, ConvexPruneError
from .entry import ExpertCall, expert_call
from .families import all_families, family_of_class, family_of_entry
from .family import Family
from .prune import check_final_norm, prune_upstream


def load_cut_upstream(
    base_fn: Callable[..., nn.Module], base_name: str, layers: int, final_norm: str | None = None, **kwargs: Any
) -> nn.Module:
    """Build the upstream of a hub entry with its first `layers` transformer layers only.

    Args:
        base_fn: the hub entry of the whole upstream.
        base_name: its name, for messages.
        layers: how many transformer layers to keep, 0 to all.
        final_norm: ``"drop"``, ``"keep"`` or None, as in `prune.prune_upstream`.
        **kwargs: what the entry takes: ``ckpt``, ``refresh``, ….

    Returns:
        The expert, as the entry builds it, cut.

    Raises:
        DepthError: the upstream does not have that many layers, or cannot be cut.
        CheckpointError: the checkpoint is missing, truncated, of another family, or holds code.
    """
    check_final_norm(final_norm)
    family = family_of_entry(base_name, base_fn)
    given = kwargs.get("ckpt")
    if given is not None:
        family.stored().check(base_name, Path(str(given)))
    try:
        # Initial weights, overwritten in a moment, are drawn layer by layer. Where that is so, cuts of all depths leave
        # the generator alike, so that under one seed their heads see the same batches.
        with torch.random.fork_rng(devices=[], enabled=family.stored().draws_each_layer):
            call = expert_call(base_fn, **kwargs)
            if call is None:
                return prune_upstream(base_fn(**kwargs), layers, final_norm)
            return _load(call, base_name, layers, final_norm)
    except (ConvexPruneError, ImportError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{base_name} cannot be built: {reason}") from error


def load_whole(build: Callable[[], nn.Module], name: str) -> nn.Module:
    """Build a whole upstream; what goes wrong is an error of one line.

    Args:
        build: calls the hub entry.
        name: its name, for messages.

    Raises:
        CheckpointError: the upstream cannot be built from its checkpoint.
    """
    try:
        return build()
    except (ConvexPruneError, ImportError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{name} cannot be built: {reason}") from error


def _load(call: ExpertCall, name: str, layers: int, final_norm: str | None) -> nn.Module:
    family = family_of_class(call.expert)
    if call.checkpoint is None or call.expert.__name__.startswith("Legacy"):  # fairseq reads its own files
        return prune_upstream(call.build(), layers, final_norm)
    cut = family.stored().cut(name, call.checkpoint, layers, all_families())
    if cut is None:
        return prune_upstream(build_on(call, name, call.checkpoint), layers, final_norm)
    with tempfile.TemporaryDirectory(prefix="s3prl_convexprune-") as folder:
        written = Path(folder, "cut.pt")
        with explained(written):
            cut.write(written)
        return prune_upstream(build_on(call, name, str(written)), layers, final_norm, whole=cut.whole)


def build_on(call: ExpertCall, name: str, checkpoint: str) -> nn.Module:
    """Build an entry's expert on a cut of its checkpoint.

    Args:
        call: the call that the entry comes down to.
        name: the entry, for messages.
        checkpoint: the cut, or the whole checkpoint. Messages name the whole one.

    Raises:
        CheckpointError: a weight is missing, mis-shaped or not finite.
    """
    whole = str(call.checkpoint)
    try:
        expert = call.build(checkpoint)
    except (ConvexPruneError, ImportError) as error:
        raise type(error)(str(error).replace(checkpoint, whole)) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{name} cannot be built from {whole}: {reason}") from error
    return expert


def layers_of_checkpoint(checkpoint: str, family: Family, name: str) -> int | None:
    """How many transformer layers a checkpoint on this machine has.

    Args:
        checkpoint: a file, or a folder in transformers' format.
        family: the row of the entry that takes it.
        name: that entry, for messages.

    Returns:
        The number; None where only loading the model would tell.

    Raises:
        CheckpointError: the checkpoint is damaged, of another family, or holds code.
    """
    path = Path(checkpoint).expanduser()
    stored = family.stored()
    stored.check(name, path)
    return stored.layers(name, str(path), all_families())
