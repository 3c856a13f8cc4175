"""`help`: what `-h` prints."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", nargs="?", metavar="VERB", help="which one (default: all of them, a line each)")


def run(args: argparse.Namespace) -> int:
    from .parser import verb_parser, whole_parser

    (verb_parser(args.verb) if args.verb else whole_parser()).print_help()
    return 0
