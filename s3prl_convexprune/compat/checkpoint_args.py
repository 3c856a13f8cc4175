"""torch 2.6 made `torch.load` reject every class it does not know; s3prl's checkpoints hold an argparse.Namespace."""

from __future__ import annotations

import argparse
import io
import warnings

from .remedy import Remedy


def needed() -> bool:
    import torch

    if not hasattr(torch.serialization, "add_safe_globals"):
        return False
    buffer = io.BytesIO()
    torch.save(argparse.Namespace(seed=1), buffer)
    buffer.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.load(buffer, map_location="cpu")
        except Exception:
            return True
    return False


def patch() -> None:
    import torch

    torch.serialization.add_safe_globals([argparse.Namespace])


REMEDY = Remedy(
    name="checkpoint_args",
    target="torch.serialization.add_safe_globals",
    why="s3prl keeps its arguments in downstream checkpoints as an argparse.Namespace, which torch.load of "
    "torch >= 2.6 refuses; that one class is allowed, weights_only stays on",
    needed=needed,
    patch=patch,
)
