"""`run_downstream.py`: s3prl's own program with its own arguments, on this stack, with our names and recipes.

It runs s3prl's `main` unchanged. What is new: the remedies that this stack needs, the pruned upstreams' names, the
shipped recipe when ``-c`` is not given and s3prl's default file is not there, and one-line errors.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Sequence

from . import _plugin, program
from .downstream.launch import set_up
from .versions import S3PRL_PROGRAM


def main(argv: Sequence[str] | None = None) -> int:
    """Run s3prl's `run_downstream`.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        0, or what `program.run` says.
    """
    before = sys.argv, sys.excepthook, builtins.isinstance
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return program.run(lambda: _run(given))
    finally:  # s3prl wraps isinstance at every call, each wrapper calling the one before it twice
        sys.argv, sys.excepthook, builtins.isinstance = before


def _run(argv: list[str]) -> int:
    _plugin.install()
    from s3prl import run_downstream

    sys.argv = [S3PRL_PROGRAM, *set_up(argv)]
    run_downstream.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
