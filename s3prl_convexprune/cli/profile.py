"""`s3prl-convexprune profile`: what upstreams cost."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError
from ..numbers import AT_LEAST_ONE, SECONDS
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(parser, several=True, required=False)
    options.ckpt(parser)
    parser.add_argument(
        "--random-init",
        choices=("base", "large"),
        help="random weights of this size, no download; NAME is then an architecture such as hubert or hf_wavlm, "
        "or its cut (hubert_convexpruned_L6)",
    )
    parser.add_argument("--seconds", nargs="+", type=SECONDS, help="utterance lengths (default: 1 4 15)")
    parser.add_argument("--batch", nargs="+", type=AT_LEAST_ONE, help="utterances a batch (default: 1 8)")
    parser.add_argument("--repeats", type=AT_LEAST_ONE, help="timed passes a setting (default: 10; with --exported 30)")
    parser.add_argument(
        "--by-depth",
        action="store_true",
        help="time the upstream cut at each of its depths, on one utterance of --seconds (default then: 4), into the "
        "artifact that 'select --times' takes",
    )
    parser.add_argument(
        "--exported",
        nargs="+",
        type=Path,
        metavar="OUT",
        help="folders that 'export --format onnx' or '--format hf' wrote, in one table with the upstreams of -u in "
        "torch: time, first output, memory and bytes on one utterance of --seconds (default then: 4)",
    )
    parser.add_argument(
        "--threads",
        type=AT_LEAST_ONE,
        help="for --by-depth and --exported: that a model may use (default: what torch takes; one and then all)",
    )
    options.device(parser, default="cpu")
    options.output(parser, "a JSON file that keeps the numbers for 'leaderboard --profile'")


def run(args: argparse.Namespace) -> int:
    if args.exported is not None:
        return _exported(args)
    if not args.upstream:
        raise ConfigError("profile: expected upstreams, -u NAME, or exported folders, --exported OUT")
    if args.by_depth:
        return _by_depth(args)
    if args.threads is not None:
        raise ConfigError("--threads goes with --by-depth and --exported; elsewhere OMP_NUM_THREADS says it")
    from ..upstreams.checks import check

    check(() if args.random_init else args.upstream, ckpt=args.ckpt, device=args.device)
    from ..upstreams.measuring import BATCHES, LENGTHS, REPEATS
    from ..upstreams.profiling import profile

    rows = profile(
        args.upstream,
        args.output,
        ckpt=args.ckpt,
        random_init=args.random_init,
        device=args.device,
        seconds=args.seconds or LENGTHS,
        batches=args.batch or BATCHES,
        repeats=args.repeats or REPEATS,
    )
    for row in rows:
        print(f"{row.upstream}: {row.layers} layers, {row.params:,} parameters")
        for length, count in row.macs_by_seconds.items():
            print(f"  {length} s: {count / 1e9:.2f} GMACs")
        for timing in row.timings:
            low, high = timing.quartiles_s
            memory = "" if timing.peak_memory_mb is None else f", peak {timing.peak_memory_mb:.0f} MB"
            print(
                f"  {timing.seconds:g} s x {timing.batch} on {row.machine.device}: "
                f"{timing.latency_s * 1e3:.1f} ms "
                f"({low * 1e3:.1f}-{high * 1e3:.1f}), real-time factor {timing.rtf:.4f}{memory}"
            )
    if args.output:
        print(f"wrote {args.output}, which 'leaderboard --profile' reads")
    return 0


def _by_depth(args: argparse.Namespace) -> int:
    if len(args.upstream) != 1 or args.output is None or args.random_init:
        raise ConfigError("--by-depth times one upstream, -u NAME, into a file, -o FILE, with its own weights")
    if len(args.seconds or ()) > 1 or args.batch:
        raise ConfigError("--by-depth times one utterance of one length: --seconds with one number, no --batch")
    from ..upstreams.checks import check
    from ..upstreams.names import depths_of, whole_upstreams

    device = check(args.upstream, ckpt=args.ckpt, device=args.device) or "cpu"
    name = args.upstream[0]
    if name not in whole_upstreams():
        raise ConfigError(f"--by-depth times a whole upstream at each depth; {name} is a cut")
    if reason := depths_of(whole_upstreams()[name]).reason:
        raise ConfigError(f"{name} cannot be cut: {reason}")
    from ..upstreams.measuring import REPEATS
    from ..upstreams.timing_depths import time_depths

    times = time_depths(
        name,
        args.output,
        ckpt=args.ckpt,
        seconds=(args.seconds or [4.0])[0],
        repeats=args.repeats or REPEATS,
        threads=args.threads,
        device=device,
    )
    print(f"{name}, {times.seconds:g} s of audio on {times.machine}:")
    for row in times.depths:
        low, high = row.quartiles_ms
        print(f"  L{row.layers}: {row.latency_ms:.1f} ms ({low:.1f}-{high:.1f}), real-time factor {row.rtf:.4f}")
    print(f"wrote {args.output}, which 'select --policy budget --times' reads")
    return 0


def _exported(args: argparse.Namespace) -> int:
    if args.by_depth or args.batch or len(args.seconds or ()) > 1:
        raise ConfigError("--exported times one utterance of one length: no --by-depth, no --batch, one --seconds")
    if args.device != "cpu":
        raise ConfigError(f"--exported measures on the CPU, not on --device {args.device}")
    from ..deploy.profile_exported import REPEATS, profile_exported

    profile = profile_exported(
        args.exported,
        args.output,
        upstreams=args.upstream or (),
        ckpt=args.ckpt,
        random_init=args.random_init,
        seconds=(args.seconds or [4.0])[0],
        repeats=args.repeats or REPEATS,
        threads=args.threads,
    )
    print(
        f"{profile.seconds:g} s of audio on {profile.machine}; in brackets, ratios to the first row on as many threads"
    )
    print("\n".join(profile.table()))
    if args.output:
        print(f"wrote {args.output}")
    return 0
