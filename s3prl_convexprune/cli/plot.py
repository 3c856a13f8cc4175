"""`plot`: convexity curves as a figure for a paper."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..analysis.plot import FORMATS, STYLES, WIDTHS
    from . import options

    parser.add_argument("analyses", nargs="+", metavar="ANALYSIS", help="analysis.json files, one line each")
    parser.add_argument(
        "--width", choices=tuple(WIDTHS["ieee"]), default="column", help="of the figure (default: %(default)s)"
    )
    parser.add_argument(
        "--template", choices=tuple(WIDTHS), default="ieee", help="whose column and text width (default: %(default)s)"
    )
    parser.add_argument("--format", choices=FORMATS, help="default: what the figure's name ends in, or pdf")
    parser.add_argument(
        "--style", choices=tuple(STYLES), default="paper", help="paper: small Times, fonts embedded (default)"
    )
    options.output(parser, "the figure (default: the first analysis's name, with the format's ending)")


def run(args: argparse.Namespace) -> int:
    from ..analysis.plot import plot

    path = plot(
        args.analyses, args.output, width=args.width, format=args.format, style=args.style, template=args.template
    )
    print(f"wrote {path}")
    return 0
