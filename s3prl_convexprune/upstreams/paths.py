"""Reading and setting attributes by dotted path: ``model.encoder.layers``."""

from __future__ import annotations

from functools import reduce
from typing import Any


def get(root: Any, path: str) -> Any:
    """The attribute at the end of a dotted path.

    >>> from types import SimpleNamespace
    >>> get(SimpleNamespace(a=SimpleNamespace(b=3)), "a.b")
    3
    """
    return reduce(getattr, path.split("."), root)


def put(root: Any, path: str, value: Any) -> None:
    """Set the attribute at the end of a dotted path; everything before it must be there."""
    parent, _, name = path.rpartition(".")
    setattr(get(root, parent) if parent else root, name, value)
