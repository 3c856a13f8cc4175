"""Audio through an upstream as `analyze` does it: against a bare loop, against equal lengths, and memory.

    python -m benchmarks.bench_analyze [--upstream tiny_hubert] [--ckpt FILE] [--files 200] [--rounds 3]

All of one run, interleaved, medians. The bare loop passes waveforms that are in memory already, in ideal batches: the
same files, each cut to the shortest of its batch, so that nothing is padding, and keeps nothing. "Equal lengths" is the
plan of batches without padding, as an upstream gets it whose family cannot keep padding out. Lengths are drawn
uniformly from 1 to 6 seconds. Peak memory is of processes of their own, above what one holds before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.memory import forget_peak, peak_memory, resident_memory

compat.apply()

from s3prl_convexprune.analysis.batches import Batching, Lengths, plan_batches  # noqa: E402
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points  # noqa: E402
from s3prl_convexprune.analysis.points import PointStore  # noqa: E402
from s3prl_convexprune.corpora.audio import load_audio  # noqa: E402
from s3prl_convexprune.corpora.manifest import Utterance  # noqa: E402
from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402

WINDOW = 30  # seconds


def write_corpus(folder: Path, files: int) -> list[Utterance]:
    """Noise of mixed lengths."""
    rng = np.random.default_rng(0)
    for number in range(files):
        wav = 0.1 * rng.standard_normal(int(rng.integers(16_000, 96_000)))
        soundfile.write(folder / f"{number:05d}.wav", wav, 16_000)
    return [Utterance(path) for path in sorted(folder.glob("*.wav"))]


def bare(expert, batches) -> float:
    """Seconds of nothing but forward passes, of the same utterances without a sample of padding."""
    heard = []
    for batch in batches:
        wavs = [torch.from_numpy(load_audio(path)) for path in batch.files]
        shortest = min(map(len, wavs))
        heard.append([wav[:shortest] for wav in wavs])
    start = time.perf_counter()
    with torch.inference_mode():
        for wavs in heard:
            expert(wavs)
    return time.perf_counter() - start


def extracted(expert, sample, batches, batching) -> float:
    """Seconds of `extract_points`, decoding, pooling and writing included."""
    with tempfile.TemporaryDirectory() as scratch:
        store = PointStore(Path(scratch, "work"), "key", len(sample))
        start = time.perf_counter()
        extract_points(expert, sample, store, progress=False, batches=batches, batching=batching)
        return time.perf_counter() - start


def memory(upstream: str, ckpt: str | None, folder: str, window: float | None) -> None:
    """The child: extract all of a folder, print the peak."""
    expert = build_upstream(upstream, ckpt=ckpt).eval()
    sample = [Utterance(path) for path in sorted(Path(folder).glob("*.wav"))]
    batching = batching_for(expert, Batching(window=window))
    batches = plan_batches(Lengths.read(sample), batching)
    forget_peak()
    before = resident_memory()
    extracted(expert, sample, batches, batching)
    print(json.dumps((peak_memory() - before) / 2**20))


def peak_of(args: argparse.Namespace, folder: str, *more: str) -> float:
    """MiB that a process of its own takes for all files of a folder, above what it held before."""
    command = [sys.executable, "-m", "benchmarks.bench_analyze", "--upstream", args.upstream, "--memory", folder, *more]
    command += ["--ckpt", args.ckpt] if args.ckpt else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", default="tiny_hubert")
    parser.add_argument("--ckpt")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--window", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        memory(args.upstream, args.ckpt, args.memory, args.window)
        return
    expert = build_upstream(args.upstream, ckpt=args.ckpt).eval()
    with tempfile.TemporaryDirectory() as folder:
        sample = write_corpus(Path(folder), args.files)
        lengths, batching = Lengths.read(sample), batching_for(expert)
        equal = replace(batching, padded=False)
        padded_plan, equal_plan = plan_batches(lengths, batching), plan_batches(lengths, equal)
        heard = sum(batch.seconds for batch in padded_plan)
        ideal = (
            sum(len(batch.clips) * min(lengths.of[clip][0] for clip in batch.clips) for batch in padded_plan) / 16_000
        )
        bare(expert, padded_plan[:1])
        times: dict[str, list[float]] = {"bare": [], "padded": [], "equal": []}
        for _ in range(args.rounds):
            times["bare"].append(bare(expert, padded_plan) / ideal)
            times["padded"].append(extracted(expert, sample, padded_plan, batching) / heard)
            times["equal"].append(extracted(expert, sample, equal_plan, equal) / heard)
        spent = {name: statistics.median(values) for name, values in times.items()}
        print(f"{args.upstream}: {args.files} files, {heard:.0f} s; {len(padded_plan)} and {len(equal_plan)} batches")
        print(f"utterances a second: {args.files / (spent['padded'] * heard):.1f}")
        print(f"against the bare loop, a second of audio: {spent['bare'] / spent['padded']:.2f}")
        print(f"against batches of equal lengths: {spent['equal'] / spent['padded']:.2f}")
    for times_as_many in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder), times_as_many * args.files // 4)
            print(f"peak memory at {times_as_many}x: {peak_of(args, folder):.0f} MiB", flush=True)
    for minutes in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            wav = 0.1 * np.random.default_rng(0).standard_normal(minutes * 60 * 16_000)
            soundfile.write(Path(folder, "long.wav"), wav, 16_000)
            peak = peak_of(args, folder, "--window", str(WINDOW))
            print(f"peak memory of {minutes} minutes in windows of {WINDOW} s: {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
