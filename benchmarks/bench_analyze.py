"""Audio through an upstream as `analyze` does it: against a bare loop, equal lengths, another version; and memory.

    python -m benchmarks.bench_analyze [--upstream tiny_hubert] [--ckpt FILE] [--files 200] [--rounds 3]
        [--seconds 1 6] [--against CHECKOUT] [--no-memory]

All of one run, interleaved; medians of the rounds' ratios, and between which they lie, in CPU time: with one thread
(`OMP_NUM_THREADS=1`) other programs on the machine change little. The bare loop passes waveforms that are in memory
already, in ideal batches: the same files, each cut to the shortest of its batch, so that nothing is padding, and keeps
nothing. "Equal lengths" is the plan of batches without padding, as an upstream gets it whose family cannot keep padding
out. Lengths are drawn uniformly from `--seconds`. Peak memory is of processes of their own, above what one holds
before.

CHECKOUT is a folder that holds another version of this package (`git worktree add CHECKOUT COMMIT`). Its `analyze` and
this one's run on the same files in the same environment, each in a process of its own, by turns after a call that warms
up; ratios are of neighbouring calls.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.memory import forget_peak, keep_few_kernels, peak_memory, resident_memory

compat.apply()

from s3prl_convexprune.analysis.batches import Batching, Lengths, batch_seconds, plan_batches  # noqa: E402
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points  # noqa: E402
from s3prl_convexprune.analysis.points import PointStore  # noqa: E402
from s3prl_convexprune.corpora.audio import load_audio  # noqa: E402
from s3prl_convexprune.corpora.manifest import Utterance  # noqa: E402
from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402

WINDOW = 30  # seconds
HERE = Path(__file__).resolve().parents[1]


def write_corpus(folder: Path, files: int, seconds: Sequence[float]) -> list[Utterance]:
    """Noise of mixed lengths."""
    rng = np.random.default_rng(0)
    for number in range(files):
        wav = 0.1 * rng.standard_normal(int(16_000 * rng.uniform(*seconds)))
        soundfile.write(folder / f"{number:05d}.wav", wav, 16_000)
    return [Utterance(path) for path in sorted(folder.glob("*.wav"))]


def write_manifest(sample: list[Utterance], path: Path) -> None:
    """Of two classes, by turns."""
    rows = [f"{utterance.path},{('yes', 'no')[number % 2]}\n" for number, utterance in enumerate(sample)]
    path.write_text("path,word\n" + "".join(rows))


def bare(expert, batches) -> float:
    """Seconds of nothing but forward passes, of the same utterances without a sample of padding."""
    heard = []
    for batch in batches:
        wavs = [torch.from_numpy(load_audio(path)) for path in batch.files]
        shortest = min(map(len, wavs))
        heard.append([wav[:shortest] for wav in wavs])
    start = time.process_time()
    with torch.inference_mode():
        for wavs in heard:
            expert(wavs)
    return time.process_time() - start


def extracted(expert, sample, batches, batching) -> float:
    """Seconds of `extract_points`, decoding, pooling and writing included."""
    with tempfile.TemporaryDirectory() as scratch:
        store = PointStore(Path(scratch, "work"), "key", len(sample))
        start = time.process_time()
        extract_points(expert, sample, store, progress=False, batches=batches, batching=batching)
        return time.process_time() - start


def say(what: str, ratios: np.ndarray) -> None:
    print(f"{what}: {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})", flush=True)


def memory(upstream: str, ckpt: str | None, folder: str, window: float | None) -> None:
    """The child: extract all of a folder, print the peak."""
    expert = build_upstream(upstream, ckpt=ckpt).eval()
    sample = [Utterance(path) for path in sorted(Path(folder).glob("*.wav"))]
    batching = batching_for(expert, Batching(seconds=batch_seconds("cpu"), window=window))
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


class Version:
    """A process that calls one version's `analyze`."""

    def __init__(self, folder: Path, args: argparse.Namespace, manifests: Path) -> None:
        command = [sys.executable, str(HERE / "benchmarks" / "analyze_calls.py"), str(folder), args.upstream]
        environ = {**os.environ, "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [*command, str(Path(args.ckpt).resolve()) if args.ckpt else ""],
            cwd=manifests,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def call(self, manifest: str) -> np.ndarray:
        """Seconds of a call, and of the audio's way through the upstream in it."""
        self.process.stdin.write(f"{manifest}\n")
        self.process.stdin.flush()
        return np.array(json.loads(self.process.stdout.readline()))


def against(args: argparse.Namespace, sample: list[Utterance], folder: Path) -> None:
    """Print how much longer another version takes."""
    write_manifest(sample, folder / "manifest.csv")
    write_manifest(sorted(sample, key=lambda one: one.path.stat().st_size)[:8], folder / "few.csv")
    ours, theirs = (Version(at, args, folder) for at in (HERE, args.against.resolve()))
    for version in (ours, theirs):
        version.call("few.csv")
    ratios = []
    for number in range(args.rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        spent = {first: first.call("manifest.csv"), second: second.call("manifest.csv")}
        ratios.append(spent[theirs] / spent[ours])
        print(f"  {spent[theirs].round(2)} s of theirs, {spent[ours].round(2)} s of ours", flush=True)
    for what, of in zip(("analyze", "its audio through the upstream"), np.transpose(ratios), strict=True):
        say(f"{what}, against {args.against}", of)
    for version in (ours, theirs):
        version.process.stdin.close()
        version.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", default="tiny_hubert")
    parser.add_argument("--ckpt")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seconds", type=float, nargs=2, default=[1, 6], help="the shortest and the longest file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    parser.add_argument("--no-memory", action="store_true", help="speed alone")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--window", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    keep_few_kernels()  # as `analyze` does
    if args.memory:
        memory(args.upstream, args.ckpt, args.memory, args.window)
        return
    expert = build_upstream(args.upstream, ckpt=args.ckpt).eval()
    with tempfile.TemporaryDirectory() as folder:
        sample = write_corpus(Path(folder), args.files, args.seconds)
        lengths, batching = Lengths.read(sample), batching_for(expert, Batching(seconds=batch_seconds("cpu")))
        equal = replace(batching, padded=False)
        padded_plan, equal_plan = plan_batches(lengths, batching), plan_batches(lengths, equal)
        heard = sum(batch.seconds for batch in padded_plan)
        spans = [(len(batch.clips), [lengths.of[clip][0] for clip in batch.clips]) for batch in padded_plan]
        ideal, padded = (sum(n * of(samples) for n, samples in spans) / 16_000 for of in (min, max))
        bare(expert, padded_plan[:1])
        times: dict[str, list[float]] = {"bare": [], "padded": [], "equal": []}
        for _ in range(args.rounds):
            times["bare"].append(bare(expert, padded_plan) / ideal)
            times["padded"].append(extracted(expert, sample, padded_plan, batching) / heard)
            times["equal"].append(extracted(expert, sample, equal_plan, equal) / heard)
        spent = {name: np.array(values) for name, values in times.items()}
        print(f"{args.upstream}: {args.files} files, {heard:.0f} s; {len(padded_plan)} and {len(equal_plan)} batches")
        print(f"padding: {padded / heard - 1:.1%} of the audio")
        print(f"utterances a second: {args.files / (np.median(spent['padded']) * heard):.1f}")
        say("against the bare loop, a second of audio", spent["bare"] / spent["padded"])
        say("against batches of equal lengths", spent["equal"] / spent["padded"])
        if args.against:
            against(args, sample, Path(folder))
    if args.no_memory:
        return
    for times_as_many in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder), times_as_many * args.files // 4, args.seconds)
            print(f"peak memory at {times_as_many}x: {peak_of(args, folder):.0f} MiB", flush=True)
    for minutes in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            wav = 0.1 * np.random.default_rng(0).standard_normal(minutes * 60 * 16_000)
            soundfile.write(Path(folder, "long.wav"), wav, 16_000)
            peak = peak_of(args, folder, "--window", str(WINDOW))
            print(f"peak memory of {minutes} minutes in windows of {WINDOW} s: {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
