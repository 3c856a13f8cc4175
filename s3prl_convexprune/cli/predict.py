"""`predict`: labels or text of audio files, by an exported folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..numbers import AT_LEAST_ONE
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="OUT", help="what 'export --format onnx --head' wrote")
    parser.add_argument("wav", nargs="+", type=Path, help="audio files")
    options.number(parser, "--top", 3, "labels a file, or a slot of an intent")
    parser.add_argument("--threads", type=AT_LEAST_ONE, help="that the graph may use (default: all)")
    options.json_output(parser)


def run(args: argparse.Namespace) -> int:
    from ..deploy.answer import in_words
    from ..deploy.predict import predict

    found = predict(args.folder, args.wav, top=args.top, threads=args.threads)
    if args.json:
        options.print_json(found)
        return 0
    for path, answer in found.items():
        print(f"{path}: {in_words(answer)}")
    return 0
