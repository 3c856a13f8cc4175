"""`list`: the pruned upstreams that have a name, or every whole upstream that can be cut, with its depths."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ConfigError
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bases", action="store_true", help="every whole upstream that can be cut, with its depths")
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    return _bases(args.json) if args.bases else _cuts(args.json)


def _bases(as_json: bool) -> int:
    from ..upstreams.names import depths_of, whole_upstreams

    rows: list[dict[str, Any]] = []
    for name, entry in whole_upstreams().items():
        depths = depths_of(entry)
        if depths.family is not None:
            rows.append(
                {
                    "name": name,
                    "family": depths.family,
                    "layers": depths.whole,
                    "first_state": depths.first_state,
                    "needs_ckpt": entry.needs_ckpt,
                }
            )
    if as_json:
        options.print_json({"bases": rows})
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        last = row["layers"] or "the layers of its checkpoint"
        needs = "  (needs -k)" if row["needs_ckpt"] else ""
        print(f"{row['name']:<{width}}  {row['family']:<15}  L1 to {'L' if row['layers'] else ''}{last}{needs}")
    print("\nName a cut <base>_convexpruned_L<k>, for example hubert_convexpruned_L6")
    return 0


def _cuts(as_json: bool) -> int:
    from ..upstreams.names import usable_configs

    configs, errors = usable_configs()
    if as_json:
        rows = [options.config_facts(config) for _, config in sorted(configs.items())]
        options.print_json({"configs": rows, "errors": {key: str(error) for key, error in errors.items()}})
        return 2 if errors else 0
    width = max((len(name) for name in configs), default=0)
    for name, config in sorted(configs.items()):
        depth = (
            f"L{config.layers}" if config.select is None else f"by {config.select.policy} of {config.select.analysis}"
        )
        task = f"  for {config.task}" if config.task else ""
        shadows = f"  {config.path}, before the shipped one" if config.shadows else ""
        print(f"{name:<{width}}  {config.base} {depth}{task}{shadows}")
    print("\nAny other: <base>_convexpruned_L<k>, for example hubert_convexpruned_L6; list --bases shows the bases")
    if errors:
        first, *others = map(str, errors.values())
        more = f"; {len(others)} more: s3prl-convexprune doctor lists them" if others else ""
        raise ConfigError(first + more)
    return 0
