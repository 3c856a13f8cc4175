"""`predict`: labels or text of audio files, or of a stream while it runs, by an exported folder."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..numbers import AT_LEAST_ONE, HOP, SECONDS
from ..program import Terminated
from . import options

if TYPE_CHECKING:
    import numpy as np

    from ..deploy.streaming import Heard

STDIN = Path("-")
CLEAR = "\r\x1b[K"  # of a terminal's line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="OUT", help="what 'export --format onnx --head' wrote")
    parser.add_argument(
        "wav", nargs="+", type=Path, help="audio files; - with --chunk: raw PCM on stdin, 16 kHz, mono, 16 bit"
    )
    options.number(parser, "--top", 3, "labels a file, or a slot of an intent")
    parser.add_argument("--threads", type=AT_LEAST_ONE, help="that the graph may use (default: all)")
    parser.add_argument(
        "--chunk", type=SECONDS, metavar="SECONDS", help="stream: labels of a window of this length that slides along"
    )
    parser.add_argument("--hop", type=HOP, metavar="SECONDS", help="how far it slides each time (default: chunk / 4)")
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    if args.chunk is not None:
        return _stream(args)
    if args.hop is not None or STDIN in args.wav:
        raise ConfigError("--hop and - (stdin) go with --chunk, the length of a window in seconds")
    from ..deploy.answer import in_words
    from ..deploy.predict import predict

    found = predict(args.folder, args.wav, top=args.top, threads=args.threads)
    if args.json:
        options.print_json(found)
        return 0
    for path, answer in found.items():
        print(f"{path}: {in_words(answer)}")
    return 0


def _stream(args: argparse.Namespace) -> int:
    if len(args.wav) != 1:
        raise ConfigError("--chunk streams one audio file, or stdin (-)")
    if args.wav[0] == STDIN and sys.stdin.isatty():
        raise ConfigError("-: stdin is a terminal; pipe raw PCM into it, 16 kHz, mono, 16 bit")
    from ..deploy.streaming import pcm, stream

    wav: Path | Iterable[np.ndarray] = pcm(sys.stdin.buffer) if args.wav[0] == STDIN else args.wav[0]
    hop = args.chunk / 4 if args.hop is None else args.hop
    latencies: list[float] = []
    windows = stream(args.folder, wav, chunk=args.chunk, hop=hop, top=args.top, threads=args.threads)
    try:
        for heard in windows:
            latencies.append(heard.latency_ms)
            _show(heard, args.json)
    except Terminated:
        raise
    except KeyboardInterrupt:  # how a microphone is left
        pass
    if sys.stdout.isatty() and not args.json:
        print()
    if latencies and (middle := statistics.median(latencies)) > 1e3 * hop:
        print(
            f"a window took {middle:.0f} ms, longer than the hop of {1e3 * hop:.0f} ms: a live stream falls behind",
            file=sys.stderr,
        )
    return 0


def _show(heard: Heard, as_json: bool) -> None:
    """One line a window in a pipe; in a terminal the same line over and over."""
    if as_json:
        print(json.dumps(asdict(heard)), flush=True)
        return
    from ..deploy.answer import in_words

    line = f"{heard.start:.2f}-{heard.end:.2f} s: {in_words(heard.answer)} ({heard.latency_ms:.0f} ms)"
    live = sys.stdout.isatty()
    print(f"{CLEAR}{line}" if live else line, end="" if live else "\n", flush=True)
