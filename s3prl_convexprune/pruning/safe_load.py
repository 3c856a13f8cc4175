"""Reading a checkpoint file without running anything that is in it, and without reading what is not asked for.

A pickle can name any function to call. `torch.load(weights_only=True)` refuses all but tensors and plain containers.
s3prl's models also evaluate one string of a checkpoint's config, the list of convolutions, as Python: it is held
to the arithmetic of lists and numbers that it is meant to be.
"""

from __future__ import annotations

import ast
import contextlib
import pickle
import re
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError

EVALUATED = ("conv_feature_layers", "extractor_conv_feature_layers", "override_encoder_layers")
ARITHMETIC = (
    ast.Expression,
    ast.List,
    ast.Tuple,
    ast.Constant,
    ast.BinOp,
    ast.Add,
    ast.Mult,
    ast.Load,
)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint file; tensors are mapped, so that only those that are used are read.

    Files in torch's format from before version 1.6 cannot be mapped and are read whole.

    Args:
        path: a file that `torch.save` wrote.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint, or holds code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}")
    mapped = zipfile.is_zipfile(path)
    with path.open("rb") as file:
        head = file.read(4)
    if head == b"PK\x03\x04" and not mapped:
        raise CheckpointError(
            f"{path} is truncated: the end of the file is missing; download or copy it again"
        )
    try:
        with _namespaces_allowed():
            states = torch.load(
                path, map_location="cpu", weights_only=True, **({"mmap": True} if mapped else {})
            )
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from error
    except (EOFError, RuntimeError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is truncated or damaged: {_first_line(error)}") from error
    if not isinstance(states, dict):
        raise CheckpointError(f"{path} is not a checkpoint: it holds a {type(states).__name__}, not a dict")
    _check_evaluated(path, states)
    return states


@contextlib.contextmanager
def _namespaces_allowed() -> Iterator[None]:
    """s3prl's own checkpoints hold an argparse.Namespace, which is data.

    torch's `safe_globals` takes back on leaving what was allowed before it too, so it is entered only when needed.
    """
    serialization = torch.serialization
    if hasattr(serialization, "safe_globals") and Namespace not in serialization.get_safe_globals():
        with torch.serialization.safe_globals([Namespace]):
            yield
    else:
        yield


def _refusal(path: Path, message: str) -> str:
    named = re.search(r"(?:GLOBAL |Unsupported (?:global|class):? ?(?:GLOBAL )?)[`'\"]?([\w.]+)", message)
    if named or "nsupported" in message:
        what = f" ({named[1]})" if named else ""
        return (
            f"{path} holds pickled code{what}: it was refused and not run; "
            "a checkpoint must hold weights and plain settings only"
        )
    return f"{path} is not a checkpoint or is damaged: {message.splitlines()[0][:200]}"


def _check_evaluated(path: Path, value: Any, key: str = "") -> None:
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(inner, torch.Tensor):
                _check_evaluated(path, inner, str(name))
    elif isinstance(value, str) and key in EVALUATED and value and not _is_arithmetic(value):
        raise CheckpointError(
            f"{path} holds code in its config ({key} = {value[:60]!r}): it was refused and not run; "
            "expected a list like '[(512,10,5)] + [(512,3,2)] * 4'"
        )


def _is_arithmetic(text: str) -> bool:
    """Whether a string is made of numbers, tuples, lists, + and * only.

    >>> _is_arithmetic("[(512,10,5)] + [(512,3,2)] * 4")
    True
    >>> _is_arithmetic("__import__('os').system('ls')")
    False
    """
    try:
        nodes = list(ast.walk(ast.parse(text.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if sum(isinstance(node, ast.BinOp) for node in nodes) > 100:
        return False
    return all(
        isinstance(node, ARITHMETIC) and (not isinstance(node, ast.Constant) or type(node.value) is int)
        for node in nodes
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
