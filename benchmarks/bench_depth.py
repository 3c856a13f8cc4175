"""Running a cut upstream against one that natively has so many layers (and against the whole one).

    python -m benchmarks.bench_depth [--size base|large] [--layers 6] [--rounds 15] [--seconds 4] [--batch 2]

Forward time: all of them in one process, in every round cut, native, whole, whole, native, cut, so that a drift of
the machine's speed falls on all alike; the median of the rounds' ratios.
Peak memory: each in a process of its own, its parameters included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.hubert_sizes import SIZES, write_checkpoint
from s3prl_convexprune.memory import forget_peak, peak_memory, resident_memory


def build(entry: str, path: str) -> Any:
    from s3prl_convexprune.upstreams import registry

    return registry.build_upstream(entry, ckpt=path).eval()


def noise(seconds: float, batch: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(int(16000 * seconds), generator=generator) for _ in range(batch)]


def memory(entry: str, path: str, seconds: float, batch: int) -> None:
    """The child: parameters and one forward pass, above what the process held before."""
    from s3prl_convexprune.upstreams import registry

    registry.load_hub()
    before = resident_memory()
    expert = build(entry, path)
    wavs = noise(seconds, batch)
    forget_peak()
    with torch.inference_mode():
        expert(wavs)
    print(peak_memory() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--layers", type=int, help="layers kept (default: half)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory-rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        memory(*args.child, args.seconds, args.batch)
        return
    whole = SIZES[args.size][1]
    layers = args.layers or whole // 2
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        full = str(write_checkpoint(args.size, whole, Path(folder) / "whole"))
        native = str(write_checkpoint(args.size, layers, Path(folder) / "native"))
        calls = {
            "cut": (f"hubert_custom_convexpruned_L{layers}", full),
            "native": ("hubert_custom", native),
            "whole": ("hubert_custom", full),
        }
        peaks: dict[str, list[int]] = {kind: [] for kind in calls}
        for _ in range(args.memory_rounds):
            for kind, call in calls.items():
                command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_depth", "--child", *call]
                command += ["--seconds", str(args.seconds), "--batch", str(args.batch)]
                environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_TRIM_THRESHOLD_": "0"}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                peaks[kind].append(int(done.stdout.splitlines()[-1]))
        experts = {kind: build(*call) for kind, call in calls.items()}
    times: dict[str, list[float]] = {kind: [] for kind in experts}
    wavs = noise(args.seconds, args.batch)
    with torch.inference_mode():
        for expert in experts.values():
            expert(wavs)
        for _ in range(args.rounds):
            taken = dict.fromkeys(experts, 0.0)
            for kind in [*experts, *reversed(experts)]:
                start = time.process_time()
                experts[kind](wavs)
                taken[kind] += time.process_time() - start
            for kind, total in taken.items():
                times[kind].append(total)
    print(f"HuBERT {args.size}, {layers} of {whole} layers, {args.batch} x {args.seconds} s; medians")
    for other in ("native", "whole"):
        ratio = statistics.median(a / b for a, b in zip(times["cut"], times[other], strict=True))
        print(f"  forward time (CPU), cut / {other}: {ratio:.3f}  ({args.rounds} rounds)")
        ratio = statistics.median(a / b for a, b in zip(peaks["cut"], peaks[other], strict=True))
        print(f"  peak memory, cut / {other}: {ratio:.3f}  ({args.memory_rounds} rounds)")


if __name__ == "__main__":
    main()
