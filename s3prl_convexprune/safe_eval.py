"""What s3prl may evaluate: the texts in its configs, read as the lists and names that they are meant to be.

s3prl calls Python's `eval` on strings that come out of a checkpoint: lists of convolutions, and names of its own
classes. Here the first are computed from their syntax tree, within bounds, and the second looked up; nothing is run.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from types import FunctionType
from typing import Any

from .errors import CheckpointError

MAX_CHARACTERS = 4096
MAX_NODES = 1000
MAX_ITEMS = 10_000
MAX_NUMBER = 10**9

#: Modules whose functions a config may name: they build an optimiser or a schedule, or score two texts.
NAMED_FUNCTIONS = ("s3prl.optimizers", "s3prl.schedulers", "s3prl.downstream.ctc.metric")
FEATURES = "torchaudio.compliance.kaldi"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def arithmetic(text: str) -> Any:
    """The value of a text made of numbers, tuples, lists, ``+``, ``*`` and a minus sign.

    Args:
        text: such as ``"[(512,10,5)] + [(512,3,2)] * 4"``.

    Raises:
        CheckpointError: the text holds anything else, or states more than any model has.

    >>> arithmetic("[(512,10,5)] + [(512,3,2)] * 2")
    [(512, 10, 5), (512, 3, 2), (512, 3, 2)]
    >>> arithmetic("__import__('os').system('ls')")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    s3prl_convexprune.errors.CheckpointError: a config holds code ("__import__('os').system('ls')"): it was refused...
    """
    if len(text) > MAX_CHARACTERS:
        raise _refusal(text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise _refusal(text)
        return _value(tree.body)[0]
    except (SyntaxError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        raise _refusal(text) from None


def _value(node: ast.expr) -> tuple[Any, int]:
    """A node's value and how many numbers it holds."""
    value: Any
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value, size = node.value, 1
    elif isinstance(node, (ast.List, ast.Tuple)):
        parts = [_value(part) for part in node.elts]
        items = [part for part, _ in parts]
        value, size = items if isinstance(node, ast.List) else tuple(items), sum(n for _, n in parts)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value, size = -_value(node.operand)[0], 1
    elif isinstance(node, ast.Attribute) and ast.unparse(node) == "math.inf":
        value, size = math.inf, 1
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        (left, many), (right, more) = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Add):
            value, size = left + right, many + more
        else:
            count = next((abs(side) for side in (left, right) if isinstance(side, int)), 1)
            if any(isinstance(side, (list, tuple)) for side in (left, right)):
                size = max(many, more, 1) * count
                if size > MAX_ITEMS:
                    raise ValueError("too many items")
            else:
                size = 1
            value = left * right
    else:
        raise TypeError(f"{type(node).__name__} is not arithmetic")
    if size > MAX_ITEMS or (isinstance(value, (int, float)) and MAX_NUMBER < abs(value) < math.inf):
        raise ValueError("more than any model has")
    return value, size


def evaluate(text: Any, *_scopes: Any) -> Any:
    """What a module of s3prl calls instead of `eval`.

    Args:
        text: arithmetic; the name of a `torch.nn.Module` class that the calling module knows, or of a function of
            `NAMED_FUNCTIONS`; ``self.`` and a method's name; or a function of torchaudio's Kaldi features.

    Raises:
        CheckpointError: it is none of these.
    """
    if not isinstance(text, str):
        raise _refusal(text)
    caller = sys._getframe(1)
    owner, _, name = text.strip().rpartition(".")
    if len(text) <= 200 and NAME.fullmatch(name):
        if not owner:
            known = {**caller.f_globals, **caller.f_locals}
            if name in known and _may_be_named(known[name]):
                return known[name]
        elif owner == "self" and not name.startswith("_") and hasattr(caller.f_locals.get("self"), name):
            return getattr(caller.f_locals["self"], name)
        elif owner == FEATURES:
            found = getattr(sys.modules.get(FEATURES), name, None)
            if isinstance(found, FunctionType) and found.__module__ == FEATURES:
                return found
    return arithmetic(text)


def _may_be_named(value: Any) -> bool:
    if isinstance(value, type):
        from torch import nn

        return issubclass(value, nn.Module)
    return isinstance(value, FunctionType) and value.__module__ in NAMED_FUNCTIONS


def _refusal(text: Any) -> CheckpointError:
    shown = text if isinstance(text, str) and len(text) <= 60 else f"{str(text)[:60]}…"
    return CheckpointError(
        f"a config holds code ({shown!r}): it was refused and not run; "
        "expected a list like '[(512,10,5)] + [(512,3,2)] * 4'"
    )
