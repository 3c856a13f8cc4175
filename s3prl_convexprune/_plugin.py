"""The one place that wires the plugin into an unmodified s3prl: remedies, the names on its hub, the recipes.

The installed `.pth` file imports this module at interpreter start and calls `start`. Nothing else is imported until
s3prl is: each callback imports what it needs when its module comes.

Set ``S3PRL_CONVEXPRUNE_NO_HOOK=1`` to keep the `.pth` file from doing anything; ``import s3prl_convexprune.compat``
followed by ``compat.apply()``, and the command ``run_downstream.py``, work without it.
"""

from __future__ import annotations

import os
import sys

from ._importhook import FINDER, on_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

SWITCH = "S3PRL_CONVEXPRUNE_NO_HOOK"


def _after_torchaudio_utils(utils: ModuleType) -> None:
    """torchaudio is also imported before s3prl, and without it."""
    from s3prl_convexprune.compat import torchaudio_library

    torchaudio_library.mend(utils)


def _after_torchaudio(module: ModuleType) -> None:
    """Scripts of a clone of s3prl, such as its `preprocess` folder's, import torchaudio without s3prl."""
    if _is_of_s3prl(sys.argv[0] if sys.argv else ""):
        _before_s3prl()


def _is_of_s3prl(program: str) -> bool:
    from pathlib import Path

    folders = Path(program).absolute().parents[:6]
    parts = ("hub.py", "upstream", "downstream")
    return any(all((folder / part).exists() for part in parts) for folder in folders)


def _before_s3prl() -> None:
    from s3prl_convexprune import compat

    compat.apply()
    compat.torchaudio_library.check()


def _after_hugging_face(module: ModuleType) -> None:
    """The fork's `run_downstream.py` imports huggingface_hub's old names before anything of s3prl."""
    from s3prl_convexprune.versions import S3PRL_PROGRAM

    program = sys.argv[0] if sys.argv else ""
    if program.endswith(S3PRL_PROGRAM):
        _before_s3prl()


def _after_hub(hub: ModuleType) -> None:
    from s3prl_convexprune.upstreams import registry

    registry.install(hub)


def _after_runner(runner: ModuleType) -> None:
    from s3prl_convexprune.downstream import launch

    launch.prepare(runner)


def install() -> None:
    """Arrange that an unmodified s3prl gets its remedies, the names on its hub and the recipes. Idempotent."""
    if "s3prl" in FINDER.before:
        return
    on_import("s3prl", before=_before_s3prl)
    on_import("torchaudio._extension.utils", after=_after_torchaudio_utils)
    on_import("torchaudio", after=_after_torchaudio)
    on_import("huggingface_hub", after=_after_hugging_face)
    on_import("s3prl.hub", after=_after_hub)
    on_import("s3prl.downstream.runner", after=_after_runner)


def start() -> None:
    """`install`, unless the environment switches the hook off. The `.pth` file calls this."""
    if not os.environ.get(SWITCH):
        install()
