"""`s3prl-convexprune leaderboard`: results as one table and one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError, nearest
from . import options

FORMATS = (".md", ".csv", ".json", ".html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", metavar="EXPDIR", help="grid folders or results.json files")
    parser.add_argument(
        "--reference", choices=("superb",), help="put the published SUPERB rows beside the measured ones"
    )
    parser.add_argument("--profile", nargs="+", default=[], metavar="JSON", help="files that 'profile' wrote")
    parser.add_argument(
        "--analysis", nargs="+", default=[], metavar="JSON", help="analyses, whose curves the page shows"
    )
    parser.add_argument(
        "--system",
        nargs="+",
        default=[],
        metavar="NAME:TASK=UPSTREAM,...",
        help="a row made of one upstream a task, e.g. convexity:ks=hubert_convexpruned_L9,sid=hubert_convexpruned_L5",
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
    from ..artifact import Analysis
    from ..atomic import write_json, write_text
    from ..outputs import check_output, write_marked
    from ..report.page import PAGE, write_page
    from ..superb.leaderboard import load_rows, make_leaderboard
    from ..superb.profile import read_profiles
    from ..superb.published import published_rows
    from ..superb.tables import BOARD, CSV_HEADER, as_csv, as_json, markdown

    for output in args.output:
        if output.suffix not in FORMATS:
            raise ConfigError(f"-o {output}: unknown format{nearest(output.suffix, FORMATS)}")
        begins = CSV_HEADER if output.suffix == ".csv" else None
        check_output(output, PAGE if output.suffix == ".html" else BOARD, begins=begins)
    profiles = read_profiles(args.profile)
    analyses = [Analysis.read(path) for path in args.analysis]
    systems = dict(map(parse_system, args.system))
    rows = load_rows(args.results)
    entries = make_leaderboard(rows, profiles=profiles, systems=systems)
    published = published_rows() if args.reference else []
    for output in args.output:
        if output.suffix == ".json":
            write_json(output, as_json(entries, published))
        elif output.suffix == ".csv":
            write_text(output, as_csv(entries, published))
        elif output.suffix == ".md":
            write_marked(output, BOARD, markdown(entries, published))
        else:
            write_page(rows, analyses, profiles, output, systems=systems, published=published)
    if args.json:
        options.print_json(as_json(entries, published))
    elif not args.output:
        print(markdown(entries, published), end="")
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
