"""`select`: from an analysis to a depth, and to an upstream config that works as it is."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path

from ..budget import LIMITS, option_of
from ..numbers import MARGIN
from ..policies import DEFAULT_POLICY, FALLBACKS, POLICIES
from ..upstreams.config_search import SEARCH_PATH_VARIABLE, search_path, user_configs_dir
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("analysis", type=Path, help="an analysis.json")
    parser.add_argument(
        "--policy",
        choices=(*POLICIES, "non-inferior"),
        default=DEFAULT_POLICY,
        help="argmax: the most convex layer; within-sem: the shallowest not distinguishable from it; budget: the "
        "most convex within every --max-*; paper: the depth the paper cut at for label and size; non-inferior: "
        "the shallowest that 'screen' predicts not to be worse than the whole by --margin (default: %(default)s)",
    )
    parser.add_argument(
        "--fallback",
        choices=FALLBACKS,
        help="what chooses when the curve decides nothing; whole cuts nothing (default: nothing is written then)",
    )
    for name, limit in LIMITS.items():
        parser.add_argument(option_of(name), type=limit.numbers, help=f"for budget: {limit.text}")
    parser.add_argument("--times", type=Path, help="for budget: what 'profile --by-depth' measured on the device")
    parser.add_argument("--margin", type=MARGIN, help="for non-inferior: points of accuracy, such as 1.0")
    parser.add_argument("--name", help="the upstream's name on the hub (default: <base>_convexpruned_<label>)")
    options.json_output(parser)
    options.output(parser, "the YAML to write (default: <name>.yaml beside the analysis)")


def run(args: argparse.Namespace) -> int:
    from ..analysis.select import select

    selected = select(
        args.analysis,
        args.policy,
        **{name: getattr(args, name) for name in (*LIMITS, "times")},
        margin=args.margin,
        fallback=args.fallback,
        name=args.name,
        output=args.output,
    )
    if args.json:
        options.print_json({**asdict(selected.choice), "config": selected.config, "path": str(selected.path.resolve())})
        return 0
    print(selected.explanation)
    print(f"wrote {selected.path}; {_use(selected.path, selected.config['name'])}")
    return 0


def _use(path: Path, name: str) -> str:
    """How s3prl finds a config that was written: where it lies, or what has to be said."""
    command = f"run_downstream.py -u {name} ..."
    folder = path.resolve().parent
    if folder in search_path():
        return f"use it: {command}"
    return (
        f"use it: {SEARCH_PATH_VARIABLE}={shlex.quote(str(folder))} {command}, "
        f"or move it to {user_configs_dir()}, which is always searched"
    )
