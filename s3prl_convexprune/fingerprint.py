"""Fingerprints: what a number depends on, as a short text that changes when it does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def weights_sha256(module: Any) -> str:
    """The SHA-256 of a torch module's parameters and buffers: names, shapes, types and bytes.

    Args:
        module: a `torch.nn.Module`.

    Returns:
        64 hexadecimal digits; the same for the same weights on any device.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            flat = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {tuple(flat.shape)} {flat.dtype}".encode())
            digest.update(flat.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def settings_sha256(settings: Any) -> str:
    """The SHA-256 of anything JSON can hold, whatever the order of its keys.

    >>> settings_sha256({"a": 1, "b": 2}) == settings_sha256({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
