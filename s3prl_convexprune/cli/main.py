# PYTHON_ARGCOMPLETE_OK
"""`s3prl-convexprune VERB ...`: finds the verb's file and runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .. import program
from .parser import verb_parser, whole_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        The exit status: 0, or 1 after a failed cell, or what `program.run` says.
    """
    if "_ARGCOMPLETE" in os.environ:
        from .completion import complete

        complete()
    arguments = list(sys.argv[1:] if argv is None else argv)
    # On a machine with other work, idle OpenMP threads that spin make two threads many times slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return program.run(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        whole_parser().parse_args(arguments or ["--help"])
        return 0
    args = verb_parser(arguments[0]).parse_args(arguments[1:])
    return int(args.command(args))


if __name__ == "__main__":
    sys.exit(main())
