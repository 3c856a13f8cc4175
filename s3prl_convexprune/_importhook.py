"""Call functions when chosen modules are imported: the mechanism alone, which knows of no module by name.

Only `sys` is imported here, loaded by then anyway, so that an interpreter that never touches the modules in the table
pays next to nothing. The finder never finds anything by itself: it asks the other finders, and wraps the loader's
`exec_module` of the few modules in its table. `_plugin` says which modules those are.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Finder:
    """A meta-path finder that runs callbacks around the execution of the modules in its table."""

    def __init__(self) -> None:
        self.before: dict[str, list[Callable[[], Any]]] = {}
        self.after: dict[str, list[Callable[[ModuleType], Any]]] = {}
        self._asking: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self._asking or not (self._of(self.before, name) or self._of(self.after, name)):
            return None
        self._asking.add(name)
        try:
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
                if spec is not None:
                    break
            else:
                return None
        finally:
            self._asking.discard(name)
        if spec.loader is not None and hasattr(spec.loader, "exec_module"):
            self._wrap(spec.loader)
        return spec

    def _of(self, table: dict[str, list[Any]], name: str) -> list[Any]:
        """The callbacks for a module, those for its whole package among them."""
        found = list(table.get(name, ()))
        if table is self.after and "." in name:
            found = [*table.get(name.partition(".")[0] + ".*", ()), *found]
        return found

    def _wrap(self, loader: Any) -> None:
        execute = loader.exec_module
        if getattr(execute, "_runs_callbacks", False):  # modules in a zip archive share one loader
            return

        def exec_module(module: ModuleType) -> None:
            name = getattr(module.__spec__, "name", module.__name__)
            for early in self._of(self.before, name):
                guarded(early)
            execute(module)
            for late in self._of(self.after, name):
                guarded(late, module)

        exec_module._runs_callbacks = True  # type: ignore[attr-defined]
        loader.exec_module = exec_module


FINDER = Finder()


def guarded(callback: Callable[..., Any], *args: Any) -> None:
    """Call, and turn any failure into one line on stderr: a broken plugin must not take its host down."""
    try:
        callback(*args)
    except Exception as error:
        print(f"s3prl-convexprune: warning: {type(error).__name__}: {error}", file=sys.stderr)


def on_import(
    name: str, before: Callable[[], Any] | None = None, after: Callable[[ModuleType], Any] | None = None
) -> None:
    """Run callbacks around the execution of module `name`; at once when it is imported already.

    Args:
        name: the module's full name; ``package.*`` with `after` stands for every module in a package.
        before: called without arguments just before the module's code runs.
        after: called with the module just after it ran.
    """
    if FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)
    if before is not None:
        FINDER.before.setdefault(name, []).append(before)
    if after is not None:
        FINDER.after.setdefault(name, []).append(after)
        inside = name[:-1] if name.endswith(".*") else None
        for known, module in list(sys.modules.items()):
            wanted = known.startswith(inside) if inside else known == name
            if wanted and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                guarded(after, module)
