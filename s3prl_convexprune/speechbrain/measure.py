"""What fine-tuning costs: seconds and memory."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import torch

from .. import memory


@dataclass
class Stopwatch:
    """Adds up the time of the parts it is put round; waits for the GPU before it reads the clock.

    Attributes:
        device: where the work runs, such as ``cpu`` or ``cuda:0``.
        wall: seconds on the clock.
        cpu: seconds of processor time of this process, all threads; other programs on the machine do not stretch them.

    >>> watch = Stopwatch("cpu")
    >>> with watch:
    ...     _ = sum(range(1000))
    >>> watch.wall > 0
    True
    """

    device: str
    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Stopwatch:
        self._synchronise()
        self._started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exception: object) -> None:
        self._synchronise()
        self.wall += time.perf_counter() - self._started[0]
        self.cpu += time.process_time() - self._started[1]

    def _synchronise(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)

    def seconds(self) -> dict[str, float]:
        """`{"wall": ..., "cpu": ...}`."""
        return {key: value for key, value in asdict(self).items() if key != "device"}


def peak_memory(device: str) -> dict[str, int | str]:
    """The most memory this process has used, in bytes, and what that counts.

    On a GPU the tensors allocated there (``gpu tensors``); else the resident memory of the process with all
    its libraries (``resident``), or an empty dict where the system does not tell.
    """
    if device.startswith("cuda"):
        return {"bytes": torch.cuda.max_memory_allocated(device), "of": "gpu tensors"}
    peak = memory.peak_memory()
    return {} if peak is None else {"bytes": peak, "of": "resident"}
