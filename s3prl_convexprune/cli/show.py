"""`show`: what a pruned upstream's name stands for."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a pruned upstream, such as hubert_convexpruned_L6 or a config's name")


def run(args: argparse.Namespace) -> int:
    import yaml

    from ..names import chosen_layers, resolve

    config = resolve(args.name)
    facts = {
        "name": config.name,
        "base": config.base,
        "layers": chosen_layers(config),
        "final_norm": config.final_norm,
        "base_args": config.base_args,
        "task": config.task,
        "config": str(config.path) if config.path else "none: the name itself states base and depth",
        "goes before": config.shadows and str(config.shadows),
        "provenance": config.provenance,
    }
    if config.select is not None:
        facts["select"] = {
            "analysis": str(config.select.analysis),
            "policy": config.select.policy,
            "max_macs": config.select.max_macs,
        }
    print(
        yaml.safe_dump(
            {key: value for key, value in facts.items() if value not in (None, {})}, sort_keys=False
        ).rstrip()
    )
    return 0
