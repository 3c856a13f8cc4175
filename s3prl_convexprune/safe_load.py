"""Reading a checkpoint file without running anything that is in it, and without reading what is not asked for.

A pickle can name any function to call. `torch.load(weights_only=True)` refuses all but tensors and plain containers,
and what `ALLOWED` adds. s3prl's models also evaluate strings of a checkpoint's config, the lists of convolutions, as
Python: they are held to the arithmetic of lists and numbers that they are meant to be.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import tarfile
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .errors import CheckpointError
from .safe_eval import arithmetic

EVALUATED = (
    "conv_feature_layers",
    "conv_aggregator_layers",
    "extractor_conv_feature_layers",
    "override_encoder_layers",
)
MOST_LAYERS = 200
NOT_CHECKPOINTS = {
    b"version https://git-lfs": "a Git LFS pointer to the file (git lfs pull fetches it)",
    b"<": "a web page",
}

_SCHEDULES = (
    "ConstantLR",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
)

#: What a checkpoint may hold beside tensors and containers. s3prl keeps its arguments in a Namespace. BertAdam
#: kept a schedule object in the optimiser's state, of a module that was once called `optimizers`; upstreams never use
#: it, so it is read as a bag of numbers.
ALLOWED: tuple[type, ...] = (
    Namespace,
    *(type(name, (), {"__module__": module}) for module in ("optimizers", "s3prl.optimizers") for name in _SCHEDULES),
)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint file; tensors are mapped, so that only those that are used are read.

    Files in torch's format from before version 1.6 cannot be mapped and are read whole.

    Args:
        path: a file that `torch.save` wrote.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint, or holds code.
    """
    mapped = {"mmap": True} if Path(path).is_file() and zipfile.is_zipfile(path) else {}
    states = load(path, map_location="cpu", **mapped)
    if not isinstance(states, dict):
        raise CheckpointError(f"{path} is not a checkpoint: it holds a {type(states).__name__}, not a dict")
    return states


def load(file: Any, map_location: Any = None, **options: Any) -> Any:
    """`torch.load` that never runs code, whatever this version's default or the environment say.

    Args:
        file: a path, or an open binary file.
        map_location: as `torch.load` takes it.
        **options: ``mmap``; all else, ``weights_only`` above all, is not up to the caller.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint, or holds code.
    """
    if isinstance(file, (str, Path)):
        _check_file(Path(file))
    mapped = {"mmap": options["mmap"]} if options.get("mmap") is not None else {}
    try:
        with _allowed():
            states = torch.load(file, map_location=map_location, weights_only=True, **mapped)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(file, str(error))) from error
    except (EOFError, RuntimeError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file} is truncated or damaged: {_first_line(error)}") from error
    check_config(str(file), states)
    return states


def check_config(path: str, states: Any) -> None:
    """Refuse a checkpoint whose config holds code, or states more layers than any model has.

    Args:
        path: its path, for the message.
        states: its content.

    Raises:
        CheckpointError: it does.
    """
    waiting, seen = [("", states)], set()
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Namespace):
            value = vars(value)
        if isinstance(value, dict):
            if id(value) not in seen:
                seen.add(id(value))
                waiting.extend(
                    (str(name), inner) for name, inner in value.items() if not isinstance(inner, torch.Tensor)
                )
        elif isinstance(value, str) and value and key in EVALUATED:
            try:
                arithmetic(value)
            except CheckpointError as error:
                reason = str(error).removeprefix("a config holds code ")
                raise CheckpointError(f"{path} holds code in its config ({key} = {reason[1:]}") from None
        elif key in ("encoder_layers", "num_hidden_layers") and not _is_count(value):
            raise CheckpointError(f"{path}: its config says {key} = {str(value)[:40]}; expected a number of layers")


def check_finite(path: str, weights: dict[str, Any]) -> None:
    """Refuse weights that are not numbers.

    Args:
        path: the checkpoint's path, for the message.
        weights: tensors by name; anything else in it is passed over.

    Raises:
        CheckpointError: one of them holds NaN or infinity.
    """
    for name, weight in weights.items():
        if isinstance(weight, torch.Tensor) and weight.is_floating_point() and not weight.isfinite().all():
            raise CheckpointError(f"{path}: {name} holds NaN or infinity; the checkpoint is damaged")


def check_weights(path: str, states: Any) -> None:
    """`check_finite` for every set of weights in a checkpoint file; an optimiser's state is passed over."""
    if isinstance(states, dict):
        check_finite(path, states)
        for key, inner in states.items():
            if isinstance(inner, dict) and "optimizer" not in str(key).lower():
                check_finite(path, inner)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_LAYERS


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint at {path}")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if head[:4] == b"PK\x03\x04" and not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path} is truncated: the end of the file is missing; download or copy it again")
    if not head:
        raise CheckpointError(f"{path} is truncated: it is empty; download or copy it again")
    if not head.startswith((b"PK", b"\x80")) and not tarfile.is_tarfile(path):
        what = next((what for start, what in NOT_CHECKPOINTS.items() if head.lstrip().startswith(start)), None)
        raise CheckpointError(
            f"{path} is not a checkpoint: it is {what or f'a file that starts with {head[:12]!r}'}; "
            "expected what torch.save wrote"
        )


@contextlib.contextmanager
def _allowed() -> Iterator[None]:
    """`ALLOWED` is allowed for one load; what was allowed before stays so."""
    serialization = torch.serialization
    if not hasattr(serialization, "add_safe_globals"):
        yield
        return
    before = list(serialization.get_safe_globals())
    serialization.add_safe_globals([kind for kind in ALLOWED if kind not in before])
    try:
        yield
    finally:
        serialization.clear_safe_globals()
        serialization.add_safe_globals(before)


def _refusal(path: Any, message: str) -> str:
    named = re.search(
        r"(?:GLOBAL |[Uu]nsupported (?:global|class):? ?(?:GLOBAL )?|unrecognized function )[`'\"]?([\w.]+\.\w+)",
        message,
    ) or re.search(
        r"GLOBAL (getattr|setattr|eval|exec|compile|open|__import__)\b", message
    )  # of builtins, no module named
    if named:
        return (
            f"{path} holds pickled code ({named[1]}): it was refused and not run; "
            "a checkpoint must hold weights and plain settings only"
        )
    detail = re.search(r"WeightsUnpickler error: (.+)", message)
    return f"{path} is not a checkpoint or is damaged{f': {detail[1]:.200}' if detail else ''}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
