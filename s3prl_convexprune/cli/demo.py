"""`demo`: the whole job on the embedded tiny model and corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..numbers import AT_LEAST_ONE
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.output(parser, "where everything goes", default=Path("demo_output"))
    parser.add_argument("--jobs", type=AT_LEAST_ONE, default=2, help="worker processes (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    from ..experiments.engine import run_study
    from ..experiments.study_file import read_study

    run_study(read_study("demo"), args.output, jobs=args.jobs, device="cpu")
    return 0
