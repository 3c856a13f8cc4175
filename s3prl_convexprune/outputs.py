"""What a command may write over: an older version of the same file of ours, and nothing else.

Every file that a command writes says near its beginning what it is, ``s3prl-convexprune <kind> <version>`` in whatever
its format has for that (a JSON field, a comment, metadata). A table of commas has no room for it and is known by its
header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import atomic
from .atomic import check_place, explained
from .errors import ArtifactError
from .versions import PROGRAM

HEAD = 4096  # bytes; the metadata of a PNG or SVG lies within, that of a PDF within the last so many


def mark(kind: str, version: int = 1) -> str:
    """The sign that a file of ours carries.

    >>> mark("page")
    's3prl-convexprune page 1'
    """
    return f"{PROGRAM} {kind} {version}"


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
        ArtifactError: a file of another kind or of a newer version is there.
        OutputError: a folder or a device is there, or no file can be made there.
    """
    path = check_place(path)
    with explained(path), suppress(FileNotFoundError):
        with path.open("rb") as file:
            head = file.read(HEAD).decode("utf-8", errors="replace")
            if head.startswith("%PDF"):
                file.seek(max(0, path.stat().st_size - HEAD))
                head += file.read().decode("utf-8", errors="replace")
        _check_head(path, head, kind, version, begins)
    return path


def _check_head(path: Path, head: str, kind: str, version: int, begins: str | None) -> None:
    """An empty file has nothing to lose."""
    if not head or (begins is not None and head.startswith(begins)):
        return
    found = re.search(rf"{PROGRAM} {re.escape(kind)}\D{{1,20}}(\d{{1,9}})", head)
    if begins is not None or found is None:
        other = re.search(rf"{PROGRAM} ([a-z ]+[a-z])", head)
        what = f"holds another thing of ours ({other[1]})" if other else "was not written by this package"
        raise ArtifactError(f"{path}: exists and {what}; it is left alone: name another file for the {kind}")
    if int(found[1]) > version:
        raise ArtifactError(
            f"{path}: is of version {found[1]} of the {kind}, newer than this package's {version}; it is left alone"
        )


def write_marked(path: str | Path, kind: str, text: str, comment: tuple[str, str] = ("<!-- ", " -->")) -> Path:
    """Write text that begins with the sign in a comment, whole or not at all.

    Args:
        path: the file.
        kind: what it is.
        text: its content.
        comment: how a comment begins and ends in its format.

    Raises:
        ArtifactError: see `check_output`.
    """
    check_output(path, kind)
    return atomic.write_text(path, f"{comment[0]}{mark(kind)}{comment[1]}\n{text}")


@contextmanager
def claim_output(path: str | Path, kind: str, version: int = 1) -> Iterator[Path]:
    """`check_output`, and the output is this process's alone until the work ends.

    Raises:
        ArtifactError, OutputError: see `check_output` and `alone`.
    """
    with alone(check_output(path, kind, version)) as claimed:
        yield claimed


@contextmanager
def alone(path: Path) -> Iterator[Path]:
    """Keep an output for this process until the work ends.

    The lock is the kernel's, so it ends with the process. Its file, ``.<name>.lock`` beside the output, is removed
    at the end; one that a killed process left is taken over, and the process's unfinished files are deleted.

    Raises:
        ArtifactError: another process is writing the same output.
        OutputError: nothing can be written there.
    """
    from filelock import FileLock, Timeout

    lock_path = path.with_name(f".{path.name}.lock")
    lock = FileLock(lock_path)
    try:
        with explained(path):
            lock_path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
    except Timeout as error:
        raise ArtifactError(f"{path}: another process is writing it; wait for it, or name another output") from error
    try:
        with explained(path):
            atomic.remove_unfinished(path)
        yield path
    finally:
        with suppress(OSError):
            lock_path.unlink()
        lock.release()
