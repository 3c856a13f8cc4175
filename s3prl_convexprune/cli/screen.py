"""`screen`: the accuracy that SUPERB's head is predicted to have at every depth, from an analysis's kept points."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..numbers import AT_LEAST_ONE, LEARNING_RATE
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("analysis", type=Path, help="an analysis.json that 'analyze --keep-points' wrote")
    parser.add_argument(
        "--group",
        help="the column that no two folds share (default: speaker; where that is the label, the session, recording "
        "or file)",
    )
    parser.add_argument("--parts", type=AT_LEAST_ONE, default=5, help="folds at most (default: %(default)s)")
    parser.add_argument("--heads", type=AT_LEAST_ONE, default=3, help="heads a depth and fold (default: %(default)s)")
    parser.add_argument("--steps", type=AT_LEAST_ONE, default=300, help="a head is trained for (default: %(default)s)")
    parser.add_argument("--lr", type=LEARNING_RATE, default=3e-3, help="learning rate (default: %(default)s)")
    options.json_output(parser)
    options.output(parser, "the artifact to write (default: <analysis>.screen.json)")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ..analysis.screen import screen

    made = screen(
        args.analysis, args.output, group=args.group, parts=args.parts, heads=args.heads, steps=args.steps, lr=args.lr
    )
    if args.json:
        options.print_json(asdict(made))
        return 0
    print(made.table())
    return 0
