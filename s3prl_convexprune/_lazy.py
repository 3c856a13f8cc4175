"""A package's names, each imported when first used; not loaded before, for every interpreter loads our package."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any


def first_use(package: str, modules: Mapping[str, Sequence[str]], name: str) -> Any:
    """What a package's `__getattr__` gives.

    Args:
        package: its name.
        modules: the names that it offers, by the module below it that defines them.
        name: the one that is wanted.

    Raises:
        AttributeError: it offers no such name.

    >>> first_use("s3prl_convexprune", {"errors": ("DepthError",)}, "DepthError").__name__
    'DepthError'
    """
    for module, names in modules.items():
        if name in names:
            return getattr(importlib.import_module(f".{module}", package), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
