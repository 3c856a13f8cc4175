"""What the verbs that run cells share: who does the work, and what came of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..numbers import AT_LEAST_ONE, WHOLE_NUMBER
from . import options

if TYPE_CHECKING:
    from ..experiments.cells.run import GridReport


def workers(parser: argparse.ArgumentParser) -> None:
    """``--jobs``, ``--shard``, ``--launcher`` and ``--launcher-option``: who does the work."""
    launcher(parser, ("processes", "slurm", "local"), "processes", "who runs the cells (default: %(default)s)")
    parser.add_argument(
        "--shard", default="1/1", metavar="i/n", help="only every n-th group of cells, from the i-th on"
    )


def launcher(parser: argparse.ArgumentParser, choices: tuple[str, ...], default: str | None, help: str) -> None:
    """``--jobs``, ``--launcher`` and ``--launcher-option``, of work that a cluster's jobs can share."""
    options.number(parser, "--jobs", 1, "worker processes, or jobs of the launcher")
    parser.add_argument("--launcher", choices=choices, default=default, help=help)
    parser.add_argument(
        "--launcher-option",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="submitit parameters, e.g. slurm_partition=gpu gpus_per_node=1 timeout_min=600",
    )


def together(parser: argparse.ArgumentParser) -> None:
    """``--together``: for frozen cells."""
    parser.add_argument(
        "--together",
        type=AT_LEAST_ONE,
        metavar="N",
        help="frozen cells that share a forward pass, at most (default: as many as memory holds; 1: each alone)",
    )


def dry_run(parser: argparse.ArgumentParser, what: str) -> None:
    """``--dry-run``: what the verb would do."""
    parser.add_argument("--dry-run", action="store_true", help=f"print {what}, and do nothing")


def who(args: argparse.Namespace) -> dict[str, Any]:
    """What `workers` took, as the functions behind the verbs take it.

    Raises:
        ConfigError: a shard or a launcher's option that cannot be read.
    """
    return {
        "jobs": args.jobs,
        "shard": parse_shard(args.shard),
        "launcher": args.launcher,
        "launcher_options": parse_options(args.launcher_option),
    }


def print_report(report: GridReport) -> int:
    """Say what became of the cells. Returns the exit status."""
    cells = report.finished + len(report.failed) + len(report.open)
    print(f"{report.finished} of {cells} cells finished, {len(report.failed)} failed; {report.results}")
    for title, failure in report.failed.items():
        print(f"  failed: {title}: {failure.reason} ({failure.log})")
    for title in report.open:
        print(f"  open: {title}: another worker has it, or it was interrupted; the same command goes on")
    if report.finished:
        print(f"for the table and the page: s3prl-convexprune leaderboard {report.results.parent} -o board.html")
    return 1 if report.failed else 0


def parse_shard(text: str) -> tuple[int, int]:
    """`"2/4"` as numbers."""
    index, slash, count = text.partition("/")
    if not (slash and WHOLE_NUMBER.fullmatch(index) and WHOLE_NUMBER.fullmatch(count)):
        raise ConfigError(f"--shard {text}: expected i/n, such as 2/4")
    return int(index), int(count)


def parse_options(texts: list[str]) -> dict[str, int | str]:
    """`["timeout_min=600"]` as keyword arguments."""
    parsed: dict[str, int | str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--launcher-option {text}: expected KEY=VALUE")
        parsed[key] = int(value) if WHOLE_NUMBER.fullmatch(value) else value
    return parsed
