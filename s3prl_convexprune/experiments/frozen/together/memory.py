"""How many cells fit into the memory that is free."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 0.7  # of the free memory; the rest is for batches, states and checkpoints on their way to disk
COPIES = 4  # weights, gradients and Adam's two moments
BESIDE = 24 << 20  # bytes of a cell beside its head: file lists, log and thread; benchmarks/bench_grid.py measures it
CGROUP = Path("/sys/fs/cgroup")


def cells_that_fit(head_bytes: int, device: str, workers: int = 1) -> int:
    """How many cells with heads of `head_bytes` fit beside each other, at least 1.

    Args:
        head_bytes: size of one cell's trainable weights.
        device: torch device.
        workers: processes that share the machine.
    """
    fit = free_bytes() // (BESIDE if device.startswith("cuda") else COPIES * head_bytes + BESIDE)
    if device.startswith("cuda"):
        import torch

        fit = min(fit, torch.cuda.mem_get_info(device)[0] // (COPIES * head_bytes + 1))
    return max(1, int(SHARE * fit / workers))


def free_bytes() -> int:
    """Main memory that this process may still take, from the kernel and from a container's limit."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
        limit = (CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            free = min(free, int(limit) - int((CGROUP / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # not Linux, or no container: what is known then is the machine's size
    return max(0, free)


def refused_by_the_gpu() -> int:
    """How often a GPU had no memory for this process so far."""
    import torch

    if not torch.cuda.is_initialized():
        return 0
    return sum(torch.cuda.memory_stats(device).get("num_ooms", 0) for device in range(torch.cuda.device_count()))
