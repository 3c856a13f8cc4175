"""What an upstream costs on this machine: parameters, MACs, latency, real-time factor and peak memory.

Parameters follow SUPERB's rule: all of the upstream's, whether trained or not, heads left in its checkpoint included.
MACs are counted by torch's own flop counter (`pruning.cost`). Times are medians over repeats after warm-up, with
their quartiles; they hold for the machine that the artifact names.
"""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..atomic import write_json
from ..errors import ArtifactError, ConfigError
from ..pruning.cost import SAMPLE_RATE, count_macs, count_params
from ..versions import package_versions
from .results import read_json

FORMAT = "s3prl-convexprune profile"
VERSION = 1
SECONDS = (1.0, 4.0, 15.0)
BATCHES = (1, 8)
REPEATS = 10
WARM_UP = 3
TABLE_SECONDS = 4.0  # the length whose MACs and real-time factor stand for an upstream in a table


def profile_upstream(
    expert: nn.Module,
    name: str,
    *,
    device: str = "cpu",
    seconds: Sequence[float] = SECONDS,
    batches: Sequence[int] = BATCHES,
    repeats: int = REPEATS,
) -> dict[str, Any]:
    """Measure one upstream.

    Args:
        expert: an upstream as s3prl's hub builds it, whole or cut.
        name: what results call it.
        device: where to run it.
        seconds: utterance lengths.
        batches: utterances a batch, all of one length.
        repeats: timed forward passes a setting, after `WARM_UP` untimed ones.

    Returns:
        One row of the artifact: ``upstream, params, layers, macs, macs_seconds, rtf, macs_by_seconds, settings``;
        each of ``settings`` has ``seconds, batch, latency_s`` (median), ``quartiles_s``, ``rtf`` (compute time by
        audio time) and ``peak_memory_mb`` (GPU: allocated; CPU: resident set of the process; None: unreadable).

    Raises:
        ConfigError: a length or batch that cannot be run.
    """
    if min(seconds, default=0) <= 0 or min(batches, default=0) < 1 or repeats < 1:
        raise ConfigError("profile needs lengths above 0 s, batches of at least 1 and at least one repeat")
    expert = expert.eval().to(device)
    generator = torch.Generator().manual_seed(0)

    def wavs(length: float, batch: int) -> list[torch.Tensor]:
        return [
            torch.randn(round(length * SAMPLE_RATE), generator=generator).to(device) for _ in range(batch)
        ]

    lengths = sorted(set(seconds))
    table_length = TABLE_SECONDS if TABLE_SECONDS in lengths else lengths[0]
    macs = {length: count_macs(expert, wavs(length, 1))[0] for length in lengths}
    with torch.no_grad():
        layers = len(expert(wavs(lengths[0], 1))["hidden_states"]) - 1
        settings = [
            {"seconds": length, "batch": batch, **_time(expert, wavs(length, batch), length * batch, repeats)}
            for length, batch in sorted(
                ((length, batch) for length in lengths for batch in set(batches)),
                key=lambda pair: pair[0] * pair[1],
            )
        ]
    smallest = min(batches)
    rtf = next(row["rtf"] for row in settings if (row["seconds"], row["batch"]) == (table_length, smallest))
    return {
        "upstream": name,
        "device": device,
        "params": count_params(expert),
        "layers": layers,
        "macs": macs[table_length],
        "macs_seconds": table_length,
        "rtf": rtf,
        "macs_by_seconds": {f"{length:g}": count for length, count in macs.items()},
        "settings": settings,
    }


def _time(expert: nn.Module, wavs: list[torch.Tensor], audio_seconds: float, repeats: int) -> dict[str, Any]:
    on_gpu = wavs[0].is_cuda
    for _ in range(WARM_UP):
        expert(list(wavs))
    _reset_peak(on_gpu)
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
    low, _, high = statistics.quantiles(times, n=4) if repeats > 1 else (latency, latency, latency)
    return {
        "latency_s": latency,
        "quartiles_s": [low, high],
        "rtf": latency / audio_seconds,
        "peak_memory_mb": _peak_mb(on_gpu),
    }


def _reset_peak(on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        return
    with contextlib.suppress(OSError):  # Linux: forget the highest resident set so far
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb(on_gpu: bool) -> float | None:
    if on_gpu:
        return torch.cuda.max_memory_allocated() / 1e6
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def machine(device: str) -> dict[str, Any]:
    """What the times were measured on."""
    if device.startswith("cuda"):
        return {"device": device, "name": torch.cuda.get_device_name(device)}
    return {
        "device": device,
        "name": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def write_profiles(path: str | Path, rows: Sequence[dict[str, Any]], device: str) -> Path:
    """Write the artifact."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "machine": machine(device),
        "versions": package_versions(),
    }
    return write_json(path, {**content, "rows": list(rows)})


def read_profiles(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """The rows of one or several artifacts.

    Raises:
        ArtifactError: one is missing, damaged or of another kind, or two have a row for one upstream.
    """
    rows: dict[str, dict[str, Any]] = {}
    for path in paths:
        content = read_json(path)
        if content.get("format") != FORMAT or content.get("version") != VERSION:
            raise ArtifactError(
                f"{path}: is not a profile of version {VERSION}; 's3prl-convexprune profile' writes one"
            )
        for row in content["rows"]:
            if row["upstream"] in rows:
                raise ArtifactError(f"{path}: a second profile of {row['upstream']}")
            rows[row["upstream"]] = {**row, "machine": content["machine"]}
    return list(rows.values())
