"""The KS recipe imports catalyst for one class, used only in distributed training; a small one stands in for it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .._importhook import on_import
from .remedy import Remedy

NAMES = ("catalyst", "catalyst.data", "catalyst.data.sampler")


def needed() -> bool:
    return "catalyst" not in sys.modules and find_spec("catalyst") is None


def patch() -> None:
    """Stand in for catalyst while s3prl's KS expert is being imported, and at no other time."""
    on_import("s3prl.downstream.speech_commands.expert", before=_lend, after=_take_back)


def _lend() -> None:
    for name in NAMES:
        sys.modules[name] = ModuleType(name)
    sys.modules[NAMES[-1]].DistributedSamplerWrapper = sampler_wrapper()  # type: ignore[attr-defined]


def _take_back(expert: ModuleType) -> None:
    for name in NAMES:
        sys.modules.pop(name, None)


def sampler_wrapper() -> type:
    """The class `DistributedSamplerWrapper`: each process takes its share of what another sampler draws."""
    import torch.distributed as dist
    from torch.utils.data import DistributedSampler

    class DistributedSamplerWrapper(DistributedSampler):
        """Share the draws of `sampler` between the processes.

        The first process draws and sends its list to the others, since s3prl seeds it anew at every evaluation and
        the others never. Each takes every world-size-th entry of one shuffled order of it, as catalyst's class does.
        """

        def __init__(self, sampler: Any, num_replicas: int | None = None, rank: int | None = None) -> None:
            super().__init__(range(len(sampler)), num_replicas=num_replicas, rank=rank, shuffle=True)  # type: ignore[arg-type]
            self.sampler = sampler

        def __iter__(self) -> Any:
            drawn = [list(self.sampler)]
            if dist.is_initialized():
                dist.broadcast_object_list(drawn, src=0)
            return iter([drawn[0][position] for position in super().__iter__()])

    return DistributedSamplerWrapper


REMEDY = Remedy(
    name="ks_sampler",
    target="catalyst.data.sampler (while s3prl.downstream.speech_commands.expert is imported)",
    why="the KS recipe imports catalyst for a sampler that it uses only in distributed training; catalyst is absent",
    needed=needed,
    patch=patch,
)
