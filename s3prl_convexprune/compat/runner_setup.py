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


def around(module: ModuleType, method: str, build: Callable[[Any, Callable[[], Any]], Any]) -> None:
    """Call `build(runner, original)` in place of one of `Runner`'s methods that build a part of it.

    Args:
        module: `s3prl.downstream.runner`.
        method: ``"_get_upstream"`` or ``"_get_featurizer"``.
        build: returns what `original()` returns, s3prl's `ModelEntry`, or raises.
    """
    get = getattr(module.Runner, method)

    @functools.wraps(get)
    def _get(self: Any) -> Any:
        return build(self, functools.partial(get, self))

    setattr(module.Runner, method, _get)
