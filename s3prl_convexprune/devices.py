"""Which device to run on: the one that was asked for, checked before any work, or the GPU where there is one."""

from __future__ import annotations

import sys

from .errors import ConfigError
from .progress import say


def device_name(device: str) -> str:
    """What a table calls a device: ``cpu``, or the GPU's model."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def choose_device(device: str | None = None) -> str:
    """The device to run on.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes the GPU if there is one, else ``cpu``.

    Raises:
        ConfigError: this machine does not have it.

    >>> choose_device("cpu")
    'cpu'
    >>> choose_device("gpu")
    Traceback (most recent call last):
    s3prl_convexprune.errors.ConfigError: no device 'gpu'; expected cpu, cuda or cuda:<number>
    """
    if "torch" not in sys.modules:
        say("importing torch")
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        asked = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"no device {device!r}; expected cpu, cuda or cuda:<number>") from error
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if asked.type not in there:
        raise ConfigError(f"no device {device!r}; expected cpu, cuda or cuda:<number>")
    if not there[asked.type]:
        raise ConfigError(f"--device {device}: torch sees no such device on this machine; give --device cpu")
    if (asked.index or 0) >= there[asked.type]:
        known = ", ".join(f"{asked.type}:{number}" for number in range(there[asked.type]))
        raise ConfigError(f"--device {device}: this machine has {known}")
    return device
