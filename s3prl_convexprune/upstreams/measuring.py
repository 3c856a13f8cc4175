"""Measure what an upstream costs on this machine, in this process.

Parameters follow SUPERB's rule. MACs are counted by torch's own flop counter (`cost`). Times are medians over
repeats after warm-up, with their quartiles.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence

import torch
from torch import nn

from ..errors import ConfigError
from ..memory import forget_peak, peak_memory
from ..numbers import AT_LEAST_ONE, SECONDS
from ..sampling import SAMPLE_RATE
from .cost import count_macs, count_params
from .profile import Machine, Profile, Timing

LENGTHS = (1.0, 4.0, 15.0)
BATCHES = (1, 8)
REPEATS = 10
WARM_UP = 3
TABLE_SECONDS = 4.0  # the length whose MACs and real-time factor stand for an upstream in a table


def profile_upstream(
    expert: nn.Module,
    name: str,
    *,
    device: str = "cpu",
    seconds: Sequence[float] = LENGTHS,
    batches: Sequence[int] = BATCHES,
    repeats: int = REPEATS,
    baseline_mb: float | None = None,
) -> Profile:
    """Measure one upstream in this process.

    Args:
        expert: an upstream as s3prl's hub builds it, whole or cut.
        name: what results call it.
        device: where to run it.
        seconds: utterance lengths.
        batches: utterances a batch, all of one length.
        repeats: timed forward passes a setting, after `WARM_UP` untimed ones.
        baseline_mb: on a CPU, resident memory of this process before the upstream was built; None leaves memory out.

    Raises:
        ConfigError: a length or batch that cannot be run.
    """
    check_numbers(seconds, batches, repeats)
    expert = expert.eval().to(device)
    generator = torch.Generator().manual_seed(0)

    def wavs(length: float, batch: int) -> list[torch.Tensor]:
        samples = round(length * SAMPLE_RATE)
        return [torch.randn(samples, generator=generator).to(device) for _ in range(batch)]

    lengths = sorted({float(length) for length in seconds})
    table_length = TABLE_SECONDS if TABLE_SECONDS in lengths else lengths[0]
    macs = {length: count_macs(expert, wavs(length, 1))[0] for length in lengths}
    shapes = [(length, batch) for length in lengths for batch in sorted(set(batches))]
    with torch.no_grad():
        layers = len(expert(wavs(lengths[0], 1))["hidden_states"]) - 1
        timings = [
            _time(expert, wavs(length, batch), length, repeats, baseline_mb)
            for length, batch in sorted(shapes, key=lambda shape: shape[0] * shape[1])
        ]
    smallest = min(batches)
    return Profile(
        upstream=name,
        params=count_params(expert),
        layers=layers,
        macs=macs[table_length],
        macs_seconds=table_length,
        rtf=next(row.rtf for row in timings if (row.seconds, row.batch) == (table_length, smallest)),
        macs_by_seconds={f"{length:g}": count for length, count in macs.items()},
        timings=tuple(timings),
        machine=machine(device),
    )


def check_numbers(seconds: Sequence[float], batches: Sequence[int], repeats: int) -> None:
    SECONDS.check_all("--seconds", seconds)
    AT_LEAST_ONE.check_all("--batch", batches)
    AT_LEAST_ONE.check("--repeats", repeats)
    if not seconds or not batches:
        raise ConfigError("profile needs at least one length and one batch")


def _time(
    expert: nn.Module, wavs: list[torch.Tensor], seconds: float, repeats: int, baseline_mb: float | None
) -> Timing:
    on_gpu = wavs[0].is_cuda
    for _ in range(WARM_UP):
        expert(list(wavs))
    known = _reset_peak(on_gpu)
    times = []
    for _ in range(repeats):
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        expert(list(wavs))
        if on_gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    latency = statistics.median(times)
    low, _, high = statistics.quantiles(times, n=4, method="inclusive") if repeats > 1 else (latency,) * 3
    return Timing(
        seconds=seconds,
        batch=len(wavs),
        latency_s=latency,
        quartiles_s=(low, high),
        rtf=latency / (seconds * len(wavs)),
        peak_memory_mb=_peak_mb(on_gpu, baseline_mb if known else None),
    )


def _reset_peak(on_gpu: bool) -> bool:
    """Whether what is read as the peak from now on is that of the passes alone."""
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        return True
    return forget_peak()


def _peak_mb(on_gpu: bool, baseline_mb: float | None) -> float | None:
    if on_gpu:
        return torch.cuda.max_memory_allocated() / 1e6
    peak = peak_memory()
    return None if peak is None or baseline_mb is None else max(0.0, peak / 1e6 - baseline_mb)


def machine(device: str) -> Machine:
    """What times are measured on."""
    if device.startswith("cuda"):
        return Machine(device, torch.cuda.get_device_name(device))
    name = platform.processor() or platform.machine()
    return Machine(device, name, os.cpu_count(), torch.get_num_threads())
