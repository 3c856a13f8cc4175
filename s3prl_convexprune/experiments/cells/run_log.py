"""What a cell prints, in its own file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import ConvexPruneError


@contextmanager
def output_into(path: Path) -> Iterator[None]:
    """Send this process's stdout and stderr, file descriptors included, to the end of a file.

    What a full disk does not take is lost; the error that ends the cell stays its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    except Exception as error:
        write_down(error)
        raise
    finally:
        _empty()
        for descriptor, original in zip((1, 2), saved, strict=False):
            os.dup2(original, descriptor)
            os.close(original)


def write_down(error: BaseException) -> None:
    """Print an error to the cell's log: one line where it is for users, else where it came from."""
    import traceback

    with suppress(OSError):
        if isinstance(error, ConvexPruneError):
            print(f"s3prl-convexprune: error: {error}", file=sys.stderr)
        else:
            traceback.print_exception(error)


def _empty() -> None:
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:  # its buffer would otherwise go to the terminal, or fail again at every print
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), descriptor)
            stream.flush()
