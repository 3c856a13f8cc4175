"""The decorator of every kernel: compiled by numba, its machine code kept on disk wherever there is a place for it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

config: Any = numba.config  # numba's own settings, which have no types


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` that releases the GIL and caches.

    numba refuses to cache, with an error at import, where neither the package's folder nor the user's cache can be
    written: a container with another user, a read-only installation. The machine code is kept in a temporary folder
    then, or not at all.

    Args:
        **options: further ones of `numba.njit`.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:
            pass
        chosen = config.CACHE_DIR
        try:
            config.CACHE_DIR = str(private_folder())
            return numba.njit(nogil=True, cache=True, **options)(function)
        except (RuntimeError, OSError):
            return numba.njit(nogil=True, **options)(function)
        finally:
            config.CACHE_DIR = chosen

    return compiled


def private_folder() -> Path:
    """A temporary folder that only this user can write: numba's cache is pickled, so another's must not be read.

    Raises:
        OSError: there is none, or somebody else's is in its place.
    """
    folder = Path(tempfile.gettempdir(), f"s3prl-convexprune-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder
