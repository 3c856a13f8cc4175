"""The memory of this process, in bytes, as the system counts it.

Linux's `VmHWM` comes first: `ru_maxrss` outlives an exec, so that a child begins with the peak of its parent.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def peak_memory() -> int | None:
    """The most resident memory since the start, or since `forget_peak`; None where the system does not tell."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes, the others in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_memory() -> int | None:
    """What is resident now; None where there is no `/proc`."""
    return _status("VmRSS")


def forget_peak() -> bool:
    """Start `peak_memory` anew. Returns whether the system can: Linux alone does."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return _status("VmHWM") is not None


def keep_few_kernels() -> None:
    """Keep memory from growing with the shapes of the batches; called before torch computes anything.

    oneDNN keeps 1024 compiled convolutions and products, with what they work in, unless told before the first of them.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8")


def _status(field: str) -> int | None:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{field}:")), None)
