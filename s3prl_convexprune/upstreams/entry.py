"""What a hub entry would build: its expert class and arguments, found out without building anything.

An entry such as `hubert` fixes a URL, downloads it, checks the path and ends in a call of its expert class. To hand
the expert a smaller checkpoint, that last call is needed by itself. The entry runs in a copy of its module's
namespace where the expert classes write down their arguments instead; s3prl's own module is not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from torch import nn

from .bases import LazyExpert


@dataclass(frozen=True)
class ExpertCall:
    """The call that ends a hub entry.

    Attributes:
        expert: the expert's class.
        args: its positional arguments.
        kwargs: its keyword arguments.
    """

    expert: type[nn.Module]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def checkpoint(self) -> str | None:
        """What the expert loads: a file, or a folder or model id in transformers' format."""
        given = self.kwargs["ckpt"] if "ckpt" in self.kwargs else next(iter(self.args), None)
        return None if given is None else str(given)

    def build(self, checkpoint: str | None = None) -> nn.Module:
        """Make the call, with another checkpoint if one is given."""
        args, kwargs = self.args, dict(self.kwargs)
        if checkpoint is not None and "ckpt" in kwargs:
            kwargs["ckpt"] = checkpoint
        elif checkpoint is not None:
            args = (checkpoint, *args[1:])
        return self.expert(*args, **kwargs)


def expert_call(entry: Callable[..., Any], **kwargs: Any) -> ExpertCall | None:
    """The expert call that a hub entry comes down to. Downloads what the entry downloads.

    Args:
        entry: a function of s3prl's hub.
        **kwargs: its arguments.

    Returns:
        The call, or None when the entry does something else than call an expert class of its module.
    """
    if not isinstance(entry, FunctionType):
        return None
    namespace = dict(entry.__globals__)
    for name, value in entry.__globals__.items():
        if isinstance(value, FunctionType) and value.__globals__ is entry.__globals__:
            namespace[name] = _moved(value, namespace)
        elif _is_expert(value):
            namespace[name] = _recorder(value)
    result = _moved(entry, namespace)(**kwargs)
    return result if isinstance(result, ExpertCall) else None


def _is_expert(value: Any) -> bool:
    if isinstance(value, LazyExpert):
        return True
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__.endswith(".expert")


def _recorder(expert: Any) -> Callable[..., ExpertCall]:
    def record(*args: Any, **kwargs: Any) -> ExpertCall:
        return ExpertCall(expert.load() if isinstance(expert, LazyExpert) else expert, args, kwargs)

    return record


def _moved(function: FunctionType, namespace: dict[str, Any]) -> FunctionType:
    moved = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__)
    moved.__kwdefaults__ = function.__kwdefaults__
    return moved
