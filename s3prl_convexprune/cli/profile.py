"""`s3prl-convexprune profile`: what upstreams cost."""

from __future__ import annotations

import argparse

from ..numbers import AT_LEAST_ONE, SECONDS
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(parser, several=True)
    options.ckpt(parser)
    parser.add_argument(
        "--random-init",
        choices=("base", "large"),
        help="random weights of this size, no download; NAME is then an architecture such as hubert or hf_wavlm, "
        "or its cut (hubert_convexpruned_L6)",
    )
    parser.add_argument(
        "--seconds", nargs="+", type=SECONDS, default=[1, 4, 15], help="utterance lengths (default: 1 4 15)"
    )
    parser.add_argument(
        "--batch", nargs="+", type=AT_LEAST_ONE, default=[1, 8], help="utterances a batch (default: 1 8)"
    )
    options.number(parser, "--repeats", 10, "timed passes a setting")
    options.device(parser, default="cpu")
    options.output(parser, "a JSON file that keeps the numbers for 'leaderboard --profile'")


def run(args: argparse.Namespace) -> int:
    from ..upstreams.checks import check

    check(() if args.random_init else args.upstream, ckpt=args.ckpt, device=args.device)
    from ..upstreams.profiling import profile

    rows = profile(
        args.upstream,
        args.output,
        ckpt=args.ckpt,
        random_init=args.random_init,
        device=args.device,
        seconds=args.seconds,
        batches=args.batch,
        repeats=args.repeats,
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
        print(args.output)
    return 0
