"""Call functions when chosen modules are imported: what the installed `.pth` file loads at interpreter start.

Only `os` and `sys` are imported here, both already loaded by then, so that an interpreter that never touches
s3prl pays next to nothing. The finder never finds anything by itself: it asks the other finders, and wraps the
loader's `exec_module` of the few modules in its table.

Set ``S3PRL_CONVEXPRUNE_NO_HOOK=1`` to keep the `.pth` file from doing anything; ``import s3prl_convexprune.compat``
followed by ``compat.apply()``, and the command ``run_downstream.py``, work without it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

SWITCH = "S3PRL_CONVEXPRUNE_NO_HOOK"


class Finder:
    """A meta-path finder that runs callbacks around the execution of the modules in its table."""

    def __init__(self) -> None:
        self.before: dict[str, list[Callable[[], Any]]] = {}
        self.after: dict[str, list[Callable[[ModuleType], Any]]] = {}
        self._asking: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if (name not in self.before and name not in self.after) or name in self._asking:
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
            self._wrap(spec.loader, name)
        return spec

    def _wrap(self, loader: Any, name: str) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            for early in list(self.before.get(name, ())):
                guarded(early)
            execute(module)
            for late in list(self.after.get(name, ())):
                guarded(late, module)

        loader.exec_module = exec_module


FINDER = Finder()


def guarded(callback: Callable[..., Any], *args: Any) -> None:
    """Call, and turn any failure into one line on stderr: a broken plugin must not take its host down."""
    try:
        callback(*args)
    except Exception as error:
        print(f"s3prl-convexprune: warning: {type(error).__name__}: {error}", file=sys.stderr)


def on_import(
    name: str,
    before: Callable[[], Any] | None = None,
    after: Callable[[ModuleType], Any] | None = None,
) -> None:
    """Run callbacks around the execution of module `name`; at once when it is imported already.

    Args:
        name: the module's full name.
        before: called without arguments just before the module's code runs.
        after: called with the module just after it ran.
    """
    if FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)
    if before is not None:
        FINDER.before.setdefault(name, []).append(before)
    if after is not None:
        FINDER.after.setdefault(name, []).append(after)
        module = sys.modules.get(name)
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            guarded(after, module)


def _before_s3prl() -> None:
    from s3prl_convexprune import compat

    compat.apply()


def _after_hugging_face(module: ModuleType) -> None:
    """The fork's `run_downstream.py` imports huggingface_hub's old names before anything of s3prl."""
    program = sys.argv[0] if sys.argv else ""
    if program.endswith("run_downstream.py"):
        _before_s3prl()


def _after_hub(hub: ModuleType) -> None:
    from s3prl_convexprune import registry

    registry.install(hub)


def _after_runner(runner: ModuleType) -> None:
    from s3prl_convexprune.superb import launch

    launch.prepare(runner)


def install() -> None:
    """Arrange that an unmodified s3prl gets its remedies, the names on its hub and the recipes. Idempotent."""
    if "s3prl" in FINDER.before:
        return
    on_import("s3prl", before=_before_s3prl)
    on_import("huggingface_hub", after=_after_hugging_face)
    on_import("s3prl.hub", after=_after_hub)
    on_import("s3prl.downstream.runner", after=_after_runner)


def start() -> None:
    """`install`, unless the environment switches the hook off. The `.pth` file calls this."""
    if not os.environ.get(SWITCH):
        install()
