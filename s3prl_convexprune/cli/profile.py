"""`s3prl-convexprune profile`: what upstreams cost."""

from __future__ import annotations

import argparse

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
        "--seconds", nargs="+", type=float, default=[1, 4, 15], help="utterance lengths (default: 1 4 15)"
    )
    parser.add_argument(
        "--batch", nargs="+", type=int, default=[1, 8], help="utterances a batch (default: 1 8)"
    )
    parser.add_argument("--repeats", type=int, default=10, help="timed passes a setting (default: 10)")
    options.device(parser, default="cpu")
    options.output(parser, "a JSON file that keeps the numbers for 'leaderboard --profile'")


def run(args: argparse.Namespace) -> int:
    from contextlib import AbstractContextManager, nullcontext
    from typing import Any

    from tqdm import tqdm

    from ..atomic import check_place
    from ..registry import build_upstream
    from ..superb.profile import profile_upstream, write_profiles
    from ..superb.random_init import random_upstream

    if args.output:
        check_place(args.output)
    rows = []
    context: AbstractContextManager[Any]
    for name in tqdm(args.upstream, desc="upstreams", unit="upstream"):
        if args.random_init:
            context = random_upstream(name, args.random_init)
        else:
            context = nullcontext(build_upstream(name, ckpt=args.ckpt))
        with context as expert:
            label = f"{name} ({args.random_init}, random weights)" if args.random_init else name
            rows.append(
                profile_upstream(
                    expert,
                    label,
                    device=args.device,
                    seconds=args.seconds,
                    batches=args.batch,
                    repeats=args.repeats,
                )
            )
    for row in rows:
        print(f"{row['upstream']}: {row['layers']} layers, {row['params']:,} parameters")
        for length, count in row["macs_by_seconds"].items():
            print(f"  {length} s: {count / 1e9:.2f} GMACs")
        for setting in row["settings"]:
            low, high = setting["quartiles_s"]
            memory = "" if setting["peak_memory_mb"] is None else f", peak {setting['peak_memory_mb']:.0f} MB"
            print(
                f"  {setting['seconds']:g} s x {setting['batch']} on {row['device']}: "
                f"{setting['latency_s'] * 1e3:.1f} ms "
                f"({low * 1e3:.1f}-{high * 1e3:.1f}), real-time factor {setting['rtf']:.4f}{memory}"
            )
    if args.output:
        print(write_profiles(args.output, rows, args.device))
    return 0
