"""What a cell prints, in its own file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import ConvexPruneError


@contextmanager
def output_into(path: Path) -> Iterator[None]:
    """Send this process's stdout and stderr, file descriptors included, to the end of a file."""
    import traceback

    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    except ConvexPruneError as error:
        print(f"s3prl-convexprune: error: {error}", file=sys.stderr)
        raise
    except Exception:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, original in zip((1, 2), saved, strict=False):
            os.dup2(original, descriptor)
            os.close(original)
