"""`demo`: the whole job on the embedded tiny model and corpus."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo_output"),
        help="where everything goes (default %(default)s)",
    )
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    from ..demo.run import run_demo

    run_demo(args.output, jobs=args.jobs)
    return 0
