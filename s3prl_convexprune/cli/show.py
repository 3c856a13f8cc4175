"""`show`: what an upstream's name stands for."""

from __future__ import annotations

import argparse
from typing import Any

from . import completion, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name", help="an upstream, such as hubert_convexpruned_L6, a config's name, or a whole one"
    )
    options.completed_by(name, completion.upstreams)
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    from ..upstreams.names import chosen_layers, resolve, whole_upstreams

    whole = whole_upstreams().get(args.name)
    if whole is not None:
        facts = _whole(args.name, whole)
    else:
        config = resolve(args.name)
        facts = options.config_facts(config) | {"layers": chosen_layers(config)}
        facts.setdefault("config", "none: the name itself states base and depth")
    if args.json:
        options.print_json(facts)
        return 0
    import yaml

    print(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True).rstrip())
    return 0


def _whole(name: str, entry: Any) -> dict[str, Any]:
    from ..upstreams.names import depths_of

    depths = depths_of(entry)
    facts = {
        "name": name,
        "family": depths.family,
        "layers": depths.whole,
        "needs_ckpt": entry.needs_ckpt,
        "cuts": depths.hint(name),
    }
    return {key: value for key, value in facts.items() if value is not None}
