"""Options that several verbs take: one name and one meaning each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import ConfigError

SEEDS_BEFORE = range(2, 11)  # what the number of seeds used to be


def upstream(parser: argparse.ArgumentParser, *, several: bool = False, help: str | None = None) -> None:
    """``-u``: what the verb works on."""
    many: dict[str, Any] = {"nargs": "+"} if several else {}
    text = "upstreams on s3prl's hub, whole or cut" if several else "any upstream on s3prl's hub"
    parser.add_argument("-u", "--upstream", required=True, metavar="NAME", help=help or text, **many)


def ckpt(parser: argparse.ArgumentParser) -> None:
    """``-k``: s3prl's own option."""
    parser.add_argument(
        "-k", "--ckpt", metavar="PATH", help="checkpoint (path or URL), for upstreams that need one"
    )


def output(
    parser: argparse.ArgumentParser, what: str, *, required: bool = False, default: Path | None = None
) -> None:
    """``-o``: what the verb writes."""
    shown = " (default: %(default)s)" if default is not None else ""
    parser.add_argument(
        "-o", "--output", type=Path, required=required, default=default, metavar="PATH", help=what + shown
    )


def device(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """``--device``: where torch computes; `devices.choose_device` reads it."""
    meant = default or "the GPU if there is one, else cpu"
    parser.add_argument("--device", default=default, help=f"cpu, cuda, cuda:1, ... (default: {meant})")


def seeds(parser: argparse.ArgumentParser, default: list[int]) -> None:
    """``--seeds``: each of them, not how many."""
    meant = " ".join(map(str, default))
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=default,
        metavar="SEED",
        help=f"training seeds, a run each (default: {meant})",
    )


def folds(parser: argparse.ArgumentParser) -> None:
    """``--folds``: of tasks that have them."""
    parser.add_argument(
        "--folds", nargs="+", default=[], metavar="FOLD", help="er: which of fold1 ... fold5 (default: all)"
    )


def lone_seed_hint(seeds: list[int]) -> str | None:
    """What to say to someone who may have meant a number of seeds.

    >>> lone_seed_hint([3])
    '--seeds 3 trains with the one seed 3; for 3 seeds write --seeds 0 1 2'
    >>> lone_seed_hint([0, 1, 2]) is None
    True
    """
    if len(seeds) != 1 or seeds[0] not in SEEDS_BEFORE:
        return None
    several = " ".join(map(str, range(seeds[0])))
    return f"--seeds {seeds[0]} trains with the one seed {seeds[0]}; for {seeds[0]} seeds write --seeds {several}"


def workers(parser: argparse.ArgumentParser) -> None:
    """``--jobs``, ``--shard`` and ``--launcher``: who does the work."""
    parser.add_argument(
        "--jobs", type=int, default=1, help="worker processes, or jobs of the launcher (default: %(default)s)"
    )
    parser.add_argument(
        "--shard", default="1/1", metavar="i/n", help="only every n-th cell, from the i-th on"
    )
    parser.add_argument("--launcher", choices=("processes", "slurm", "local"), default="processes")
    parser.add_argument(
        "--launcher-option",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="submitit parameters, e.g. slurm_partition=gpu gpus_per_node=1 timeout_min=600",
    )


def parse_shard(text: str) -> tuple[int, int]:
    """`"2/4"` as numbers."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit()):
        raise ConfigError(f"--shard {text}: expected i/n, such as 2/4")
    return int(index), int(count)


def parse_options(texts: list[str]) -> dict[str, int | str]:
    """`["timeout_min=600"]` as keyword arguments."""
    options: dict[str, int | str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--launcher-option {text}: expected KEY=VALUE")
        options[key] = int(value) if value.isdigit() else value
    return options
