"""The upstreams that s3prl's hub has, read from its source: importing the hub takes seconds and all of torch."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: How s3prl names entries that take a checkpoint of one's own (`hub.options(only_registered_ckpt=True)`).
OWN_CHECKPOINT = ("_local", "_url", "_gdriveid", "_custom")


@dataclass(frozen=True)
class HubEntry:
    """One function of the hub.

    Attributes:
        name: its name on the hub.
        module: the module that defines it, such as ``s3prl.upstream.hubert.hubconf``.
        needs_ckpt: whether it cannot do without ``ckpt``.
    """

    name: str
    module: str
    needs_ckpt: bool = False


@functools.cache
def s3prl_entries() -> dict[str, HubEntry]:
    """The hub's upstreams by name, in its order; empty where s3prl is not installed.

    Of what the hub lists, helpers that its files import (``Path``, ``FileLock``) are left out.
    """
    spec = find_spec("s3prl")
    if spec is None or not spec.submodule_search_locations:
        return {}
    source = Source(Path(next(iter(spec.submodule_search_locations))))
    return {entry.name: entry for entry in source.entries("s3prl.hub") if entry.name != "options"}


class Source:
    """s3prl's files, read where they lie.

    Args:
        folder: the package's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self, module: str) -> Iterator[HubEntry]:
        """The public functions that a hubconf defines or imports from another one, in their order."""
        for node in self._statements(module):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield HubEntry(node.name, module, needs_ckpt(node))
            elif isinstance(node, ast.ImportFrom):
                yield from self._imported(node, module)

    def _imported(self, node: ast.ImportFrom, module: str) -> Iterator[HubEntry]:
        origin = ".".join([*module.split(".")[: -node.level], node.module or ""]) if node.level else node.module
        if not origin or not origin.endswith(".hubconf"):
            return
        there = {entry.name: entry for entry in self.entries(origin)}
        for alias in node.names:
            if alias.name == "*":
                yield from there.values()
            elif alias.name in there and not (alias.asname or "").startswith("_"):
                entry = there[alias.name]
                yield HubEntry(alias.asname or alias.name, entry.module, entry.needs_ckpt)

    def _statements(self, module: str) -> Iterator[ast.stmt]:
        """The statements that run when the module is imported, those behind `if` and `try` too."""
        path = self.folder.joinpath(*module.split(".")[1:]).with_suffix(".py")
        try:
            pending: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError):
            return
        while pending:
            node, *pending = pending
            if isinstance(node, ast.If | ast.Try):
                pending = [*node.body, *node.orelse, *pending]
            else:
                yield node


def needs_ckpt(function: ast.FunctionDef) -> bool:
    """Whether a hub function cannot be called without ``ckpt``.

    ``hubert_local(*args, **kwargs)`` passes everything on to ``hubert_custom(ckpt, ...)``; its name says so.
    """
    given = function.args
    positional = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    required = positional[: len(positional) - len(given.defaults)]
    passes_on = given.vararg is not None and not positional
    return "ckpt" in required or (passes_on and function.name.endswith(OWN_CHECKPOINT))
