"""`select`: from an analysis to a depth, and to an upstream config that works as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..config import POLICIES
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("analysis", type=Path, help="an analysis.json")
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        default="argmax",
        help="argmax: the most convex layer; within-sem: the shallowest not distinguishable from it; budget: the "
        "most convex under --max-macs; paper: the depth the paper cut at for this label and size (default: argmax)",
    )
    parser.add_argument(
        "--max-macs", type=float, help="for budget: the share of the whole upstream's MACs, such as 0.6"
    )
    parser.add_argument(
        "--name", help="the upstream's name on the hub (default: <base>_convexpruned_<label>)"
    )
    options.output(parser, "the YAML to write (default: <name>.yaml beside the analysis)")


def run(args: argparse.Namespace) -> int:
    from ..analysis.select import select

    selected = select(args.analysis, args.policy, max_macs=args.max_macs, name=args.name, output=args.output)
    print(selected.explanation)
    print(f"wrote {selected.path}: run_downstream.py -u {selected.config['name']} ...")
    return 0
