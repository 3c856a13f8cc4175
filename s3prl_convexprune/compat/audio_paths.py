"""torchaudio 2.1 to 2.8 reads through libsox where the system has it, and that takes a path as text only.

s3prl's newer recipes hand `torchaudio.info` a `pathlib.Path`, which the other readers take.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .remedy import Remedy


def needed() -> bool:
    import torchaudio

    if not hasattr(torchaudio, "info"):
        return False
    try:
        torchaudio.info(Path("no such file"))
    except Exception as error:
        return "Expected a value of type 'str'" in str(error)
    return False


def patch() -> None:
    import torchaudio

    torchaudio.info = _with_text(torchaudio.info)
    torchaudio.load = _with_text(torchaudio.load)


def _with_text(read: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(read)
    def reading(uri: Any, *args: Any, **kwargs: Any) -> Any:
        return read(os.fspath(uri) if isinstance(uri, os.PathLike) else uri, *args, **kwargs)

    return reading


REMEDY = Remedy(
    name="audio_paths",
    target="torchaudio.info, torchaudio.load",
    why="where the system has libsox, torchaudio < 2.9 reads through it and refuses a pathlib.Path, which s3prl gives",
    needed=needed,
    patch=patch,
)
