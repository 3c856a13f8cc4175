"""Who runs a plan's cells: how many workers, on this machine or through a cluster, and which share of the cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...numbers import AT_LEAST_ONE
from .plan import AnyPlan, check_shard

HERE = "processes"


@dataclass(frozen=True)
class Workers:
    """The workers of one invocation.

    Attributes:
        jobs: worker processes, or jobs of the launcher.
        shard: ``(i, n)``: every n-th group of cells only, from the i-th on.
        launcher: ``"processes"`` on this machine, ``"slurm"``, or ``"local"`` (submitit's own local executor).
        launcher_options: submitit parameters, such as ``{"slurm_partition": "gpu", "timeout_min": 600}``.

    Raises:
        ConfigError: no job, or a shard that there is not.
    """

    jobs: int = 1
    shard: tuple[int, int] = (1, 1)
    launcher: str = HERE
    launcher_options: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        AT_LEAST_ONE.check("--jobs", self.jobs)
        check_shard(*self.shard)

    @property
    def elsewhere(self) -> bool:
        """Whether they are on other machines, whose devices and folders are not known here."""
        return self.launcher != HERE

    def share_of(self, plan: AnyPlan) -> AnyPlan:
        """The cells of a plan that are theirs."""
        return plan.shard(*self.shard)
