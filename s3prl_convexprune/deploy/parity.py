"""Is the graph what torch computes? The two hear the same noise, and what each gives is laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..sampling import SAMPLE_RATE
from .exported import Difference

LENGTHS = (0.1, 1.0, 4.0, 15.0)  # seconds
TOLERANCE = 1e-3


def torch_states(expert: Any, wav: Tensor) -> Tensor:
    """The hidden states of an upstream for one waveform `[samples]`: `[layers + 1, 1, frames, width]`."""
    with torch.no_grad():
        return torch.stack(list(expert([wav])["hidden_states"]))


def answer(states: Tensor, returns: str, head: nn.Module | None) -> np.ndarray:
    """What a graph should give, made of the states in torch."""
    with torch.no_grad():
        if head is not None:
            return np.asarray(head(list(states)))
    return {"states": states, "last": states[-1], "pooled": states.mean(2)}[returns].numpy()


def session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session on the CPU.

    Args:
        path: the graph.
        threads: how many it may use; all of them when None.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def differences(
    path: Path, expected: Callable[[Tensor], np.ndarray], returns: str, lengths: Sequence[float]
) -> Iterator[Difference]:
    """The differences of a graph from what is expected of it, on noise, by length.

    Args:
        path: the graph.
        expected: from a waveform `[samples]` to what the graph should give.
        returns: which of its outputs is compared.
        lengths: seconds.
    """
    running = session(path)
    output = [given.name for given in running.get_outputs()][-1 if returns == "states" else 0]
    for seconds in lengths:
        wav = 0.1 * torch.randn(int(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(int(seconds * 10)))
        truth = expected(wav)
        found = running.run([output], {"wav": wav[None].numpy()})[0]
        if found.shape != truth.shape:
            raise ConfigError(f"the exported graph gives {found.shape} for {seconds} s, torch gives {truth.shape}")
        if returns not in ("states", "pooled"):
            truth, found = truth[None], found[None]
        pairs = list(zip(found.astype(np.float64), truth.astype(np.float64), strict=True))
        yield Difference(
            seconds,
            tuple(float(np.abs(one - other).max()) for one, other in pairs),
            tuple(float(np.sqrt(np.mean((one - other) ** 2) / np.mean(other**2))) for one, other in pairs),
        )


def check_parity(name: str, parity: Sequence[Difference]) -> None:
    """Refuse a graph that gives other states than torch.

    Raises:
        ConfigError: it does.
    """
    for row in parity:
        for index, relative in enumerate(row.relative):
            if not relative <= TOLERANCE:
                raise ConfigError(
                    f"{name}: the exported graph is not written: on {row.seconds} s its output {index} differs from "
                    f"torch's by {relative:.2g} of its size, more than {TOLERANCE}"
                )
