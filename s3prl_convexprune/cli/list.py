"""`list`: the pruned upstreams that have a name, and how to name any other."""

from __future__ import annotations

import argparse

from ..errors import ConfigError
from ..names import usable_configs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace) -> int:
    configs, errors = usable_configs()
    width = max((len(name) for name in configs), default=0)
    for name, config in sorted(configs.items()):
        depth = (
            f"L{config.layers}"
            if config.select is None
            else f"by {config.select.policy} of {config.select.analysis}"
        )
        task = f"  for {config.task}" if config.task else ""
        shadows = f"  {config.path}, before the shipped one" if config.shadows else ""
        print(f"{name:<{width}}  {config.base} {depth}{task}{shadows}")
    print("\nAny other: <base>_convexpruned_L<k>, for example hubert_convexpruned_L6")
    if errors:
        first, *others = map(str, errors.values())
        more = f"; {len(others)} more: s3prl-convexprune doctor lists them" if others else ""
        raise ConfigError(first + more)
    return 0
