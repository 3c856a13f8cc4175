"""Reading and setting attributes of nested modules by dotted name: ``model.encoder.layers``."""

from __future__ import annotations

from functools import reduce
from typing import Any


def get(root: Any, name: str) -> Any:
    """The attribute at the end of a dotted name.

    >>> from types import SimpleNamespace
    >>> get(SimpleNamespace(a=SimpleNamespace(b=3)), "a.b")
    3
    """
    return reduce(getattr, name.split("."), root)


def put(root: Any, name: str, value: Any) -> None:
    """Set the attribute at the end of a dotted name; everything before it must be there."""
    parent, _, last = name.rpartition(".")
    setattr(get(root, parent) if parent else root, last, value)
