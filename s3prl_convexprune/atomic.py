"""Files that are whole or not there: written beside their place, then moved into it.

What the file system refuses is explained in one line, before the work where that can be known (`check_place`).
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import ConvexPruneError, OutputError

PROBE = bytes(1 << 16)
TEMPORARY = ".tmp"  # what the names of unfinished files end in
SUFFIX_ROOM = 20  # characters that `.work` and a temporary file's name add to a file's own
# torch and safetensors write files outside Python and say so in their own exceptions
WRITERS_WORDS = ("PytorchStreamWriter failed", "] . unexpected pos ", "No space left on device", "os error 28")


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file so that a reader, or a killed writer, never leaves half of it.

    Args:
        path: where the file goes; its folder is made.
        content: the whole content.

    Returns:
        The path.

    Raises:
        OutputError: the file system refuses it.
    """
    path = Path(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        handle, temporary = _locked_temporary(path)
        with os.fdopen(handle, "wb") as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                with_usual_mode(temporary)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    return path


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked while it is open: its lock says that its writer lives."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
        with suppress(OSError):  # a mount without locks: nobody removes what is abandoned there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # removed by another writer before it was locked


def _remove_abandoned(path: Path) -> None:
    """Delete the temporary files of writers of `path` that were killed: nobody holds their lock any more."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{TEMPORARY}"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def remove_unfinished(path: Path) -> None:
    """Delete what writers of `path` that were killed left beside it; only for one who holds the output's lock."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{TEMPORARY}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_text(path: str | Path, content: str) -> Path:
    """`write_bytes` for UTF-8 text."""
    return write_bytes(path, content.encode("utf-8"))


def write_json(path: str | Path, content: Any) -> Path:
    """`write_bytes` for JSON; NaN and infinity are refused, since JSON has neither."""
    return write_text(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def check_place(path: str | Path, *, folder: bool = False, needs: int = 0) -> Path:
    """Refuse, before any work, a place where its result could not be written. Leaves nothing there.

    Args:
        path: the file that will be written, or the folder that files will be written into.
        folder: whether it is a folder.
        needs: bytes that will be written, as far as is known.

    Returns:
        The path.

    Raises:
        OutputError: something else is there, or the file system does not let files be made or has no room for them.
    """
    path = Path(path)
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r}: is not a path")
    with explained(path):
        if path.exists() and (not path.is_dir() if folder else not path.is_file()):
            kind = "a folder" if path.is_dir() else "a file" if path.is_file() else "not a regular file"
            raise OutputError(f"{path}: is {kind}; name {'another folder' if folder else 'another file'}")
        home, to_make = (path, []) if folder else (path.parent, [path.name])
        while not home.exists():
            to_make.append(home.name)
            home = home.parent
        if not home.is_dir():
            raise OutputError(f"{path}: cannot be made: {home} is a file, not a folder")
        longest = os.pathconf(home, "PC_NAME_MAX") - SUFFIX_ROOM
        if any(len(os.fsencode(name)) > longest for name in to_make):
            raise OutputError(f"{path}: the name is too long; expected at most {longest} bytes")
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(PROBE)
        free = shutil.disk_usage(home).free
        if free < needs:
            raise OutputError(f"{path}: {needs / 2**20:,.0f} MB are needed and {home} has {free / 2**20:,.0f} MB free")
    return path


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turn what the file system refuses while `path` is being written into an `OutputError`."""
    try:
        yield
    except ConvexPruneError:
        raise
    except Exception as error:
        reason = refusal(error)
        if reason is None:
            raise
        raise OutputError(f"{path}: cannot be written: {reason}") from error


def refusal(error: BaseException) -> str | None:
    """Why the file system refused, in a few words; None for an error that is about something else."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if any(words in str(error) for words in WRITERS_WORDS):
        return "no space left on the disk, or its quota is used up"
    return None


def named_refusal(error: BaseException) -> str | None:
    """`refusal`, with the file's name where the system gave it."""
    reason, name = refusal(error), getattr(error, "filename", None)
    return f"{name}: {reason}" if reason and name else reason


def with_usual_mode(path: Path) -> Path:
    """Give a file or folder the mode that this process's umask gives a new one.

    What `tempfile` and safetensors make is for its owner alone.
    """
    path.chmod((0o777 if path.is_dir() else 0o666) & ~_umask())
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
