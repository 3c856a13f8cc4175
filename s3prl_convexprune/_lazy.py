"""A package's names, each imported when it is first used; itself light enough for the start of every interpreter."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


def names_of(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__all__`, `__getattr__` and `__dir__`.

    Args:
        package: its name.
        modules: the names that it offers, by the module below it that defines them.

    >>> names, get, _ = names_of("s3prl_convexprune", {"errors": ("DepthError",)})
    >>> names, get("DepthError").__name__
    (['DepthError'], 'DepthError')
    """
    where = {name: module for module, names in modules.items() for name in names}
    offered = sorted(where)

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(f".{where[name]}", package), name)

    return offered, get, lambda: offered
