"""`demo`: the whole job on the embedded tiny model and corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.output(parser, "where everything goes", default=Path("demo_output"))
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    from ..demo.run import run_demo

    run_demo(args.output, jobs=args.jobs)
    return 0
