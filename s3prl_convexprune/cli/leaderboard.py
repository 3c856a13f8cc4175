"""`s3prl-convexprune leaderboard`: results as one table and one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", metavar="EXPDIR", help="grid folders or results.json files")
    parser.add_argument(
        "--reference", choices=("superb",), help="put the published SUPERB rows beside the measured ones"
    )
    parser.add_argument("--profile", nargs="+", default=[], metavar="JSON", help="files that 'profile' wrote")
    parser.add_argument(
        "--analysis",
        nargs="+",
        default=[],
        metavar="JSON",
        help="analyses, whose curves the page shows, with what 'screen' left beside them",
    )
    parser.add_argument(
        "--system",
        nargs="+",
        default=[],
        metavar="NAME:TASK=UPSTREAM,...",
        help="a row made of one upstream a task, e.g. convexity:ks=hubert_convexpruned_L9,sid=hubert_convexpruned_L5",
    )
    parser.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="EXPDIR",
        help="another board's grid folders or results.json files; the page shows both with their differences",
    )
    parser.add_argument(
        "-o",
        "--output",
        nargs="+",
        type=Path,
        default=[],
        metavar="PATH",
        help="files to write, by their endings .md, .csv, .json, .html (default: the table on the terminal)",
    )
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    from ..results.tables import as_json
    from ..verbs import leaderboard

    board = leaderboard(
        args.results,
        args.output,
        reference=args.reference,
        profile=args.profile,
        analysis=args.analysis,
        system=dict(map(parse_system, args.system)),
        beside=args.beside,
    )
    if args.json:
        options.print_json(as_json(board.entries, board.published))
        return 0
    if not args.output:
        print(board.markdown())
    print("\n".join(board.answers()))
    if args.output:
        pages = [path for path in args.output if path.suffix == ".html"]
        print(
            f"wrote {', '.join(map(str, args.output))}" + "".join(f"; open {page} in a browser" for page in pages[:1])
        )
    else:
        print("-o board.html writes the page, with figures and what is behind each number")
    return 0


def parse_system(text: str) -> tuple[str, dict[str, str]]:
    """`"mine:ks=a,sid=b"` as name and upstream a task.

    >>> parse_system("mine:ks=a,sid=b")
    ('mine', {'ks': 'a', 'sid': 'b'})
    """
    name, colon, parts = text.partition(":")
    pairs = [part.partition("=") for part in parts.split(",")]
    if not (name and colon and all(task and upstream for task, _, upstream in pairs)):
        raise ConfigError(f"--system {text}: expected NAME:TASK=UPSTREAM,TASK=UPSTREAM")
    return name, {task: upstream for task, _, upstream in pairs}
