"""AST's classifier is never loaded, so what it says is refused.

s3prl's AST expert takes the transformer of the checkpoint, puts a new classifier on it, and gives that one's output
(``feature_selection="cls"``) unless told otherwise: a random projection, another one each time it is built. The states
of the blocks (``"hidden_states"``) are the checkpoint's.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from .._importhook import on_import
from ..errors import ConfigError
from .remedy import Remedy

CLASSIFIES = (
    "ast gives the output of a classifier that s3prl never loads, random numbers, unless told otherwise; "
    "give feature_selection='hidden_states' (base_args in an upstream config)"
)


def _mend(module: ModuleType) -> None:
    build = module.UpstreamExpert.__init__
    signature = inspect.signature(build)

    @functools.wraps(build)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        given = signature.bind(self, *args, **kwargs)
        given.apply_defaults()
        if given.arguments["feature_selection"] == "cls":
            raise ConfigError(CLASSIFIES)
        build(self, *args, **kwargs)

    module.UpstreamExpert.__init__ = __init__


def patch() -> None:
    on_import("s3prl.upstream.ast.expert", after=_mend)


REMEDY = Remedy(
    name="ast_head",
    target="s3prl.upstream.ast.expert",
    why="AST's expert gives by default the output of a classifier that it never loads",
    needed=lambda: True,
    patch=patch,
)
