"""`demo`: the whole job on the embedded tiny model and corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.output(parser, "where everything goes", default=Path("demo_output"))
    options.number(parser, "--jobs", 2, "worker processes")


def run(args: argparse.Namespace) -> int:
    from ..experiments.engine import run_study
    from ..experiments.study_file import read_study

    run_study(read_study("demo"), args.output, jobs=args.jobs, device="cpu")
    return 0
