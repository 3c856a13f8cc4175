"""The KS recipe lists its files in the file system's own order, so its batches and predictions depend on the disk.

A folder that is copied, or read from another kind of file system, then gives other numbers from the same seed. Names in
sorted order are one of the orders that s3prl may see, and the same one everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .._importhook import on_import
from .remedy import Remedy

MODULES = ("s3prl.downstream.speech_commands.dataset", "s3prl.downstream.speech_commands.expert")


class SortedPath(type(Path())):  # type: ignore[misc]
    """A path whose listings come in the order of their names."""

    def iterdir(self) -> Iterator[Any]:
        return iter(sorted(super().iterdir()))

    def glob(self, *given: Any, **more: Any) -> Iterator[Any]:
        return iter(sorted(super().glob(*given, **more)))


def _mend(module: ModuleType) -> None:
    if getattr(module, "Path", None) is Path:
        module.Path = SortedPath  # type: ignore[attr-defined]


def patch() -> None:
    for name in MODULES:
        on_import(name, after=_mend)


REMEDY = Remedy(
    name="ks_order",
    target="Path in s3prl.downstream.speech_commands.dataset and expert",
    why="the KS recipe lists files in the file system's order, so that the same seed gives other numbers elsewhere",
    needed=lambda: True,
    patch=patch,
)
