"""`screen`: the accuracy that SUPERB's head is predicted to have at every depth, from an analysis's kept points."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..numbers import LEARNING_RATE
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("analysis", type=Path, help="an analysis.json that 'analyze --keep-points' wrote")
    parser.add_argument(
        "--group",
        help="the column that no two folds share (default: speaker; where that is the label, the session, recording "
        "or file)",
    )
    options.number(parser, "--parts", 5, "folds at most")
    options.number(parser, "--heads", 3, "heads a depth and fold")
    options.number(parser, "--steps", 300, "a head is trained for")
    options.number(parser, "--lr", 3e-3, "learning rate", LEARNING_RATE)
    parser.add_argument(
        "--final-norm",
        choices=("drop", "keep"),
        help="what becomes of the last LayerNorm of a pre-norm model's cuts (default: as in its family)",
    )
    options.json_output(parser)
    options.output(parser, "the artifact to write (default: <analysis>.screen.json)")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from ..analysis.screen import screen, screen_path

    made = screen(
        args.analysis,
        args.output,
        group=args.group,
        parts=args.parts,
        heads=args.heads,
        steps=args.steps,
        lr=args.lr,
        final_norm=args.final_norm,
    )
    if args.json:
        options.print_json(asdict(made))
        return 0
    print(made.table())
    print(f"wrote {args.output or screen_path(args.analysis)}; the page of its analysis draws it")
    return 0
