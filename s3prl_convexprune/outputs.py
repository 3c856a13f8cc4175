"""What a command may write over: an older version of the same file of ours, and nothing else.

Every file that a command writes says near its beginning what it is, ``s3prl-convexprune <kind> <version>`` in whatever
its format has for that (a JSON field, a comment, metadata). A table of commas has no room for it and is known by its
header.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ArtifactError

OURS = "s3prl-convexprune"
HEAD = 4096  # bytes; a PNG's or SVG's metadata lies within


def mark(kind: str, version: int = 1) -> str:
    """The sign that a file of ours carries.

    >>> mark("page")
    's3prl-convexprune page 1'
    """
    return f"{OURS} {kind} {version}"


def check_output(path: str | Path, kind: str, version: int = 1, begins: str | None = None) -> Path:
    """Refuse, before any work, an output that cannot be written or that would destroy something.

    Args:
        path: where the output will go.
        kind: what will be written there.
        version: of that kind.
        begins: the first characters that such a file has, for a format without room for the sign.

    Returns:
        The path.

    Raises:
        ArtifactError: a folder, a device, a file of another kind or of a newer version is there, or the folder above
            cannot be written.
    """
    path = Path(path)
    try:
        with suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise ArtifactError(f"{path}: is a folder; name a file in it")
            if not stat.S_ISREG(mode):
                raise ArtifactError(f"{path}: is not a regular file")
            with path.open("rb") as file:
                head = file.read(HEAD).decode("utf-8", errors="replace")
            _check_head(path, head, kind, version, begins)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"{str(path)!r}: is not a path") from error
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise ArtifactError(f"{path}: cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ArtifactError(f"{path}: cannot be written: {folder} is not writable")
    return path


def _check_head(path: Path, head: str, kind: str, version: int, begins: str | None) -> None:
    """An empty file has nothing to lose."""
    if not head or (begins is not None and head.startswith(begins)):
        return
    found = re.search(rf"{OURS} {re.escape(kind)}\D{{1,20}}(\d{{1,9}})", head)
    if begins is not None or found is None:
        other = re.search(rf"{OURS} ([a-z ]+[a-z])", head)
        what = f"holds another thing of ours ({other[1]})" if other else "was not written by this package"
        raise ArtifactError(f"{path}: exists and {what}; it is left alone: name another file for the {kind}")
    if int(found[1]) > version:
        raise ArtifactError(
            f"{path}: is of version {found[1]} of the {kind}, newer than this package's {version}; it is left alone"
        )


@contextmanager
def claim_output(path: str | Path, kind: str, version: int = 1) -> Iterator[Path]:
    """`check_output`, and the output is this process's alone until the work ends.

    The lock is the kernel's, so it ends with the process. Its file, ``.<name>.lock`` beside the output, is removed
    at the end; one that a killed process left is taken over.

    Raises:
        ArtifactError: see `check_output`; or another process is writing the same output.
    """
    from filelock import FileLock, Timeout

    path = check_output(path, kind, version)
    lock_path = path.with_name(f".{path.name}.lock")
    lock = FileLock(lock_path)
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ArtifactError(
            f"{path}: another process is writing it; wait for it, or name another output"
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        yield path
    finally:
        with suppress(OSError):
            lock_path.unlink()
        lock.release()
