"""Measure what upstreams cost on this machine, each in a process of its own.

Parameters follow SUPERB's rule. MACs are counted by torch's own flop counter (`pruning.cost`). Times are medians over
repeats after warm-up, with their quartiles. Memory is the process's own, less what it held before the upstream was
built: in one process the second upstream would be charged with what the first one left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import errors
from ..checks import check
from ..errors import ConfigError, ConvexPruneError
from ..numbers import AT_LEAST_ONE, SECONDS
from ..outputs import claim_output
from ..progress import progress_bar
from ..pruning.cost import SAMPLE_RATE, count_macs, count_params
from ..schema import validated
from .profile import Machine, Profile, Profiles, Timing, write_profiles

LENGTHS = (1.0, 4.0, 15.0)
BATCHES = (1, 8)
REPEATS = 10
WARM_UP = 3
TABLE_SECONDS = 4.0  # the length whose MACs and real-time factor stand for an upstream in a table


def profile(
    upstreams: Sequence[str],
    output: str | Path | None = None,
    *,
    ckpt: str | None = None,
    random_init: str | None = None,
    device: str = "cpu",
    seconds: Sequence[float] = LENGTHS,
    batches: Sequence[int] = BATCHES,
    repeats: int = REPEATS,
    progress: bool = True,
) -> list[Profile]:
    """Measure upstreams, one process each.

    Args:
        upstreams: names on s3prl's hub, whole or cut.
        output: the artifact to write, if any.
        ckpt: checkpoint, for upstreams that take one.
        random_init: "base" or "large": random weights of this size; the names are then architectures or cuts of them.
        device, seconds, batches, repeats: see `profile_upstream`.
        progress: show a progress bar.

    Raises:
        ConfigError: a number or device that cannot be.
        ArtifactError: what is at `output` is not an older profile.
        ConvexPruneError: an upstream cannot be built.
    """
    _check_numbers(seconds, batches, repeats)
    device = check(() if random_init else upstreams, ckpt=ckpt, device=device) or "cpu"
    asked: dict[str, Any] = {"ckpt": ckpt, "random_init": random_init, "device": device}
    asked |= {"seconds": list(seconds), "batches": list(batches), "repeats": repeats}
    claim = claim_output(output, Profiles.FORMAT, Profiles.VERSION) if output else contextlib.nullcontext()
    with claim:
        names = progress_bar(list(dict.fromkeys(upstreams)), desc="upstreams", unit="upstream", show=progress)
        rows = [_in_own_process({"name": name, **asked}) for name in names]
        if output:
            write_profiles(output, rows)
    return rows


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
    _check_numbers(seconds, batches, repeats)
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


def _check_numbers(seconds: Sequence[float], batches: Sequence[int], repeats: int) -> None:
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
    low, _, high = statistics.quantiles(times, n=4, method="inclusive") if repeats > 1 else (latency,) * 3
    return Timing(
        seconds=seconds,
        batch=len(wavs),
        latency_s=latency,
        quartiles_s=(low, high),
        rtf=latency / (seconds * len(wavs)),
        peak_memory_mb=_peak_mb(on_gpu, baseline_mb),
    )


def _reset_peak(on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        return
    with contextlib.suppress(OSError):  # Linux: forget the highest resident set so far
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb(on_gpu: bool, baseline_mb: float | None) -> float | None:
    if on_gpu:
        return torch.cuda.max_memory_allocated() / 1e6
    peak = _memory_mb("VmHWM")
    return None if peak is None or baseline_mb is None else max(0.0, peak - baseline_mb)


def _memory_mb(which: str) -> float | None:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def machine(device: str) -> Machine:
    """What times are measured on."""
    if device.startswith("cuda"):
        return Machine(device, torch.cuda.get_device_name(device))
    name = platform.processor() or platform.machine()
    return Machine(device, name, os.cpu_count(), torch.get_num_threads())


def _in_own_process(asked: dict[str, Any]) -> Profile:
    command = [sys.executable, "-m", f"{__package__}.profiling"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()  # it stays open: when it ends, the process ends with it
            answer = process.stdout.readline()
        except BaseException:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)  # it clears up behind itself
            process.kill()
            raise
    if not answer:
        raise ConvexPruneError(
            f"{asked['name']}: the process that profiled it died; often the machine is out of memory"
        )
    found = json.loads(answer)
    if "error" in found:
        raise getattr(errors, found["kind"], ConvexPruneError)(found["error"])
    return validated(Profile, found, asked["name"])


def main() -> int:
    """The process of one upstream: what to measure on stdin, its profile or what is wrong on stdout."""
    from ..compat.quiet import hush
    from ..program import end_with_stdin

    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what s3prl prints is no answer
    hush()
    asked = json.loads(sys.stdin.readline())
    end_with_stdin()
    try:
        print(json.dumps(asdict(_measure(**asked))), file=answer, flush=True)
    except ConvexPruneError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}), file=answer, flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _measure(name: str, ckpt: str | None, random_init: str | None, **how: Any) -> Profile:
    from ..registry import load_hub

    load_hub()
    count_macs(_Smallest(), [torch.ones(16)])  # loads what torch loads at its first use
    baseline_mb = _memory_mb("VmRSS")
    label = f"{name} ({random_init}, random weights)" if random_init else name
    with _built(name, ckpt, random_init) as expert:
        _give_back()
        return profile_upstream(expert, label, baseline_mb=baseline_mb, **how)


class _Smallest(nn.Module):
    def forward(self, wavs: list[torch.Tensor]) -> torch.Tensor:
        return nn.functional.conv1d(wavs[0][None, None], torch.ones(1, 1, 3))


def _give_back() -> None:
    """Return to the system what loading has freed: it is not the upstream's, and glibc would keep it."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def _built(name: str, ckpt: str | None, random_init: str | None) -> Iterator[nn.Module]:
    if random_init:
        from .random_init import random_upstream

        with random_upstream(name, random_init) as expert:
            yield expert
    else:
        from ..registry import build_upstream

        yield build_upstream(name, ckpt=ckpt)


if __name__ == "__main__":
    sys.exit(main())
