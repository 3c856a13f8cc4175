"""`prepare`: check a corpus, and make what s3prl's recipes need beside it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..corpora.prepare import PREPARERS, prepare
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks = ", ".join(f"{task} ({corpus})" for task, corpus in PREPARERS.items())
    parser.add_argument("task", metavar="TASK", help=tasks)
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="the corpus's folder")
    parser.add_argument(
        "--test-root", metavar="DIR", help="ks: the folder of the test archive, if not beside the other"
    )
    options.output(parser, "where the files go instead of the corpus's folder; may serve all tasks")


def run(args: argparse.Namespace) -> int:
    options = {"test_root": args.test_root} if args.test_root else {}
    prepared = prepare(args.task, args.root, args.output, **options)
    for path in prepared.files:
        print(path)
    for note in prepared.notes:
        print(f"{prepared.task}: {note}")
    print("To run the recipe from any folder:")
    for name, value in prepared.variables.items():
        print(f"  export {name}='{value}'")
    return 0
