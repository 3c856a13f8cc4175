"""The decorator of every kernel: compiled by numba, its machine code kept on disk wherever there is a place for it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from s3prl_convexprune.resources import user_cache

config: Any = numba.config  # numba's own settings, which have no types


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` that releases the GIL and caches.

    numba would cache beside the source, where pip does not find it again to take it away, and refuses to, with an
    error at import, where nothing can be written: a container with another user, a read-only installation. The machine
    code is kept where ``NUMBA_CACHE_DIR`` says, else in the user's cache, else in a temporary folder, else not at all.

    Args:
        **options: further ones of `numba.njit`.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        chosen = config.CACHE_DIR
        for place in (lambda: chosen,) if chosen else (user_folder, temporary_folder):
            try:
                config.CACHE_DIR = str(place())
                return numba.njit(nogil=True, cache=True, **options)(function)
            except (RuntimeError, OSError):
                continue
            finally:
                config.CACHE_DIR = chosen
        return numba.njit(nogil=True, **options)(function)

    return compiled


def user_folder() -> Path:
    """`numba` in this package's folder of the user's cache.

    Raises:
        OSError, RuntimeError: there is none.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home())
    if not home.is_dir():
        raise FileNotFoundError(f"{home} is not there")
    user_cache().mkdir(parents=True, exist_ok=True)
    return _own(user_cache() / "numba")


def temporary_folder() -> Path:
    """A temporary folder that only this user can write.

    Raises:
        OSError: there is none, or somebody else's is in its place.
    """
    return _own(Path(tempfile.gettempdir(), f"s3prl-convexprune-{os.getuid()}"))


def _own(folder: Path) -> Path:
    """The folder, made if need be. numba's cache is pickled, so what another user can write must not be read."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder
