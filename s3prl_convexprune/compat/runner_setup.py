"""A place to look at a run's arguments and config before s3prl's runner builds anything from them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def before_setup(module: ModuleType, look: Callable[[Any, dict], None]) -> None:
    """Call `look(args, config)` at the start of `Runner.__init__`.

    Args:
        module: `s3prl.downstream.runner`.
        look: may change both in place, or raise.
    """
    runner = module.Runner
    make = runner.__init__

    @functools.wraps(make)
    def __init__(self: Any, args: Any, config: dict) -> None:
        look(args, config)
        make(self, args, config)

    runner.__init__ = __init__
