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


def around_upstream(module: ModuleType, build: Callable[[Any, Callable[[], Any]], Any]) -> None:
    """Call `build(args, original)` where `Runner` builds its upstream.

    Args:
        module: `s3prl.downstream.runner`.
        build: returns what `original()` returns, s3prl's `ModelEntry`, or raises.
    """
    runner = module.Runner
    get = runner._get_upstream

    @functools.wraps(get)
    def _get_upstream(self: Any) -> Any:
        return build(self.args, functools.partial(get, self))

    runner._get_upstream = _get_upstream
