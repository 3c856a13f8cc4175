"""s3prl's runner under `torchrun`: really distributed, on GPUs and on CPUs, and ending when it is done.

Left alone, s3prl 0.4.18 waits for a ``--local_rank`` that torchrun does not pass, so every process trains alone into
one experiment folder. With the rank given, CPU training fails in DDP's device ids, evaluation on the first process
broadcasts buffers that nobody receives, and the other processes never count a step, so they never stop.
"""

from __future__ import annotations

import functools
import os
from datetime import timedelta
from typing import Any

from .._importhook import on_import
from .remedy import Remedy

#: How long a process waits for the others. The first one evaluates alone in the meantime, so it is hours, not minutes.
#: A process that dies does not need it: torchrun ends the rest.
TIMEOUT = timedelta(hours=3)


def launched() -> bool:
    """Whether this process is one of torchrun's (or torch.distributed.launch's)."""
    return "TORCHELASTIC_RUN_ID" in os.environ and "LOCAL_RANK" in os.environ


def patch() -> None:
    on_import("s3prl.downstream.runner", after=_patch_runner)


def join(backend: str, device: str) -> None:
    """Join the process group, each process on its own GPU, or by gloo where `device` is the CPU."""
    import torch
    import torch.distributed as dist

    if dist.is_initialized():
        return
    if torch.cuda.is_available() and not device.startswith("cpu"):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    elif backend == "nccl":
        backend = "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)


def _patch_runner(module: Any) -> None:
    module.DDP = _ddp()
    runner = module.Runner
    make, make_optimizer, train = runner.__init__, runner._get_optimizer, runner.train

    @functools.wraps(make)
    def __init__(self: Any, args: Any, config: dict) -> None:
        args.local_rank = int(os.environ["LOCAL_RANK"])  # kept in the checkpoint: s3prl asks it on resuming
        make(self, args, config)

    @functools.wraps(make_optimizer)
    def _get_optimizer(self: Any, models: Any) -> Any:
        optimizer = make_optimizer(self, models)
        bar = getattr(self, "_overall_bar", None)
        if bar is not None:
            zero_grad = optimizer.zero_grad

            def counted(*args: Any, **kwargs: Any) -> None:
                zero_grad(*args, **kwargs)
                bar[0].n += 1  # the runner's loop ends on this count, and only the first process updates it itself

            optimizer.zero_grad = counted
        return optimizer

    @functools.wraps(train)
    def run(self: Any) -> None:
        import torch.distributed as dist

        if dist.get_rank() > 0:
            self._overall_bar = []
            with _caught_bar(module, self._overall_bar):
                train(self)
        else:
            train(self)
        dist.barrier()
        dist.destroy_process_group()

    runner.__init__, runner._get_optimizer, runner.train = __init__, _get_optimizer, run


class _caught_bar:
    """While it is entered, the runner's progress bar over all steps is put into `box` when it is made."""

    def __init__(self, module: Any, box: list) -> None:
        self.module, self.box, self.tqdm = module, box, module.tqdm

    def __enter__(self) -> None:
        def tqdm(*args: Any, **kwargs: Any) -> Any:
            bar = self.tqdm(*args, **kwargs)
            if kwargs.get("desc") == "overall":
                self.box.append(bar)
            return bar

        self.module.tqdm = tqdm

    def __exit__(self, *error: object) -> None:
        self.module.tqdm = self.tqdm


def _ddp() -> type:
    from torch.nn.parallel import DistributedDataParallel

    class RunnerDDP(DistributedDataParallel):
        """DDP that also takes a model on the CPU, and leaves each process its own buffers (the best score so far)."""

        def __init__(self, model: Any, device_ids: Any = None, **kwargs: Any) -> None:
            on_cpu = all(parameter.device.type == "cpu" for parameter in model.parameters())
            super().__init__(model, device_ids=None if on_cpu else device_ids, broadcast_buffers=False, **kwargs)

    return RunnerDDP


REMEDY = Remedy(
    name="distributed",
    target="s3prl.downstream.runner",
    why="under torchrun s3prl's runner silently trains one independent copy a process, fails on CPU, and never stops "
    "on the other processes; needed only in processes that torchrun started",
    needed=launched,
    patch=patch,
)
