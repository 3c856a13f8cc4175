"""Options that several verbs take: one name and one meaning each."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..numbers import AT_LEAST_ONE, SEED
from . import completion

if TYPE_CHECKING:
    from ..upstreams.config import UpstreamConfig

SEEDS_BEFORE = range(2, 11)  # what the number of seeds used to be


def upstream(
    parser: argparse.ArgumentParser, *, several: bool = False, required: bool = True, help: str | None = None
) -> None:
    """``-u``: what the verb works on."""
    many: dict[str, Any] = {"nargs": "+"} if several else {}
    text = "upstreams on s3prl's hub, whole or cut" if several else "any upstream on s3prl's hub"
    action = parser.add_argument("-u", "--upstream", required=required, metavar="NAME", help=help or text, **many)
    completed_by(action, completion.upstreams)


def ckpt(parser: argparse.ArgumentParser) -> None:
    """``-k``: s3prl's own option."""
    parser.add_argument("-k", "--ckpt", metavar="PATH", help="checkpoint (path or URL), for upstreams that need one")


def output(parser: argparse.ArgumentParser, what: str, *, required: bool = False, default: Path | None = None) -> None:
    """``-o``: what the verb writes."""
    shown = " (default: %(default)s)" if default is not None else ""
    parser.add_argument(
        "-o", "--output", type=Path, required=required, default=default, metavar="PATH", help=what + shown
    )


def device(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """``--device``: where torch computes; `devices.choose_device` reads it."""
    meant = default or "the GPU if there is one, else cpu"
    parser.add_argument("--device", default=default, help=f"cpu, cuda, cuda:1, ... (default: {meant})")


def number(
    parser: argparse.ArgumentParser, name: str, default: float, what: str, kind: Callable[[str], Any] = AT_LEAST_ONE
) -> None:
    """A number with a default, which the help states."""
    parser.add_argument(name, type=kind, default=default, help=f"{what} (default: %(default)s)")


def override(parser: argparse.ArgumentParser, metavar: str, what: str) -> None:
    """``--override``: values to change."""
    parser.add_argument("--override", nargs="+", default=[], metavar=metavar, help=what)


def seeds(parser: argparse.ArgumentParser, default: list[int]) -> None:
    """``--seeds``: each of them, not how many."""
    meant = " ".join(map(str, default))
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=SEED,
        default=default,
        metavar="SEED",
        help=f"training seeds, a run each (default: {meant})",
    )


def tasks(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """``-t``: SUPERB tasks."""
    many: dict[str, Any] = {"nargs": "+"} if several else {}
    action = parser.add_argument("-t", "--task", required=True, metavar="TASK", help="asr, sid, ks, er", **many)
    completed_by(action, completion.tasks)


def json_output(parser: argparse.ArgumentParser) -> None:
    """``--json``: the same facts for a program."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def print_json(content: Any) -> None:
    """Print what a verb found, for a program that reads it."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def config_facts(config: UpstreamConfig) -> dict[str, Any]:
    """What a config says, as plain data; what it does not say is left out."""
    from ..upstreams.names import depths_of, whole_upstreams

    base = whole_upstreams().get(config.base)
    facts: dict[str, Any] = {
        "name": config.name,
        "base": config.base,
        "layers": config.layers,
        "final_norm": config.final_norm or (depths_of(base).final_norm if base else None),
        "base_args": config.base_args,
        "task": config.task,
        "config": str(config.path) if config.path else None,
        "goes_before": str(config.shadows) if config.shadows else None,
        "provenance": config.provenance,
    }
    if config.select is not None:
        facts["select"] = {
            "analysis": str(config.select.analysis),
            "policy": config.select.policy,
            **(config.select.budget.limits() if config.select.budget else {}),
        }
    return {key: value for key, value in facts.items() if value not in (None, {})}


def completed_by(action: argparse.Action, names: Callable[..., list[str]]) -> None:
    """Tell argcomplete what an argument may become."""
    setattr(action, "completer", names)  # noqa: B010


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
