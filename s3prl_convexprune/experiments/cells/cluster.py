"""Workers on a cluster, through submitit, or through its own local executor."""

from __future__ import annotations

import sys
from typing import Any

from ...errors import ConfigError
from ...progress import progress_bar
from .plan import Plan
from .worker import run_sent, send


def run_there(plan: Plan, jobs: int, cluster: str, options: dict[str, Any]) -> None:
    """Submit `jobs` workers, each of which goes through the whole plan; locks keep them apart."""
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("--launcher slurm needs submitit: pip install 's3prl-convexprune[slurm]'") from error
    executor = submitit.AutoExecutor(folder=plan.expdir / "submitit", cluster=cluster)
    executor.update_parameters(name="convexprune", **options)
    line = send(plan)
    with executor.batch():
        submitted = [executor.submit(run_sent, line, index * len(plan.cells) // jobs) for index in range(jobs)]
    for job in progress_bar(submitted, desc="jobs", unit="job"):
        job.wait()
        if job.exception() is not None:
            print(f"job {job.job_id} failed: {job.exception()}", file=sys.stderr)
