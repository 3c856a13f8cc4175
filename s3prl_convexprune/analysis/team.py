"""Who works on one analysis: this process alone, torchrun's, or a cluster's jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..compat.distributed import launched
from ..errors import ConfigError

LAUNCHERS = ("slurm", "local", "debug")
PATIENCE = timedelta(days=7)  # the leader scores alone meanwhile; torchrun ends everyone when a process dies


@dataclass(frozen=True)
class Alone:
    """One process."""

    leads: bool = True
    shares: bool = False

    def agree(self, what: str) -> None:
        """Nobody to disagree with."""

    def from_leader(self, make: Callable[[], str]) -> str:
        """What the leader makes of it."""
        return make()

    def meet(self) -> None:
        """Nobody to wait for."""


class Ranks(Alone):
    """The processes of one torchrun, by gloo: what they exchange is a few words."""

    def __init__(self) -> None:
        import torch.distributed as dist

        if not dist.is_initialized():
            dist.init_process_group("gloo", timeout=PATIENCE)
        super().__init__(leads=dist.get_rank() == 0, shares=dist.get_world_size() > 1)

    def agree(self, what: str) -> None:
        """Check that every process is about to do the same.

        Raises:
            ConfigError: one is not; every process raises it.
        """
        import torch.distributed as dist

        said: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(said, what)
        other = [rank for rank, key in enumerate(said) if key != said[0]]
        if other:
            raise ConfigError(
                f"process {other[0]} and process 0 disagree: every process must be given the same upstream, weights, "
                "corpus, options and versions"
            )

    def from_leader(self, make: Callable[[], str]) -> str:
        """What the leader makes of it; the others are told."""
        import torch.distributed as dist

        told: list[Any] = [make() if self.leads else None]
        dist.broadcast_object_list(told, src=0)
        return str(told[0])

    def meet(self) -> None:
        """Wait until every process is here."""
        import torch.distributed as dist

        dist.barrier()


def own_team() -> Alone:
    """The ranks that this process was started with by torchrun, or this process alone."""
    return Ranks() if launched() and int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()


def own_device(device: str) -> str:
    """``cuda`` is a GPU a process under torchrun."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if launched() and device == "cuda" else device


@dataclass(frozen=True)
class Jobs:
    """Jobs of a cluster, by submitit.

    Args:
        count: how many.
        launcher: ``slurm``; ``local`` and ``debug`` are submitit's own for one machine and for this process.
        options: submitit's parameters, such as ``{"slurm_partition": "gpu"}``.

    Raises:
        ConfigError: no such launcher, or submitit is not installed.
    """

    count: int
    launcher: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.launcher not in LAUNCHERS:
            raise ConfigError(f"launcher {self.launcher!r}: expected one of {', '.join(LAUNCHERS)}")

    def run(self, folder: Path, work: Callable[[], object]) -> str | None:
        """Submit the work `count` times as one array and wait.

        Returns:
            What the first job that failed said; None when none did.
        """
        try:
            import submitit
        except ImportError as error:
            raise ConfigError("--launcher needs submitit: pip install 's3prl-convexprune[slurm]'") from error
        executor = submitit.AutoExecutor(folder=folder, cluster=self.launcher)
        executor.update_parameters(name="convexprune", **self.options)
        with executor.batch():
            jobs = [executor.submit(work) for _ in range(self.count)]
        said = None
        for job in jobs:
            job.wait()
            failure = job.exception()
            said = said or (str(failure).strip().splitlines()[-1] if failure is not None else None)
        return said
