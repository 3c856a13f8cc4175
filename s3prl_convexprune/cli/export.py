"""`export`: a cut upstream as an ordinary checkpoint."""

from __future__ import annotations

import argparse
import os

from . import completion, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument("name", help="a pruned upstream, such as hubert_convexpruned_L6 or a config's name")
    options.completed_by(name, completion.cuts)
    options.output(parser, "file to write (a new folder for hf_* upstreams)", required=True)
    options.ckpt(parser)
    parser.add_argument(
        "--final-norm", choices=("drop", "keep"), help="for pre-norm (large) upstreams, which need 'keep'"
    )


def run(args: argparse.Namespace) -> int:
    from ..verbs import export

    there_already = os.path.lexists(args.output)  # never raises for what `export` will refuse
    done = export(args.name, args.output, ckpt=args.ckpt, final_norm=args.final_norm)
    if there_already:
        print(f"{args.output} is finished already; it is left as it is")
    print(f"{args.output}: the first {done.layers} of {done.whole} transformer layers of {done.base}")
    print(f"s3prl loads it without this package: run_downstream.py -u {done.entry} -k {args.output} ...")
    return 0
