"""`export`: a cut upstream as an ordinary checkpoint."""

from __future__ import annotations

import argparse

from . import completion, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument(
        "name", help="a pruned upstream, such as hubert_convexpruned_L6 or a config's name"
    )
    options.completed_by(name, completion.cuts)
    options.output(parser, "file to write (a new folder for hf_* upstreams)", required=True)
    options.ckpt(parser)
    parser.add_argument(
        "--final-norm", choices=("drop", "keep"), help="for pre-norm (large) upstreams, which need 'keep'"
    )


def run(args: argparse.Namespace) -> int:
    from ..checks import check_upstream
    from ..names import resolve

    config = resolve(args.name)
    check_upstream(args.name, args.ckpt)
    from ..pruning.export import export_cut
    from ..registry import base_call

    base, layers, arguments = base_call(config, ckpt=args.ckpt)
    done = export_cut(
        base, config.base, layers, args.output, args.final_norm or config.final_norm, **arguments
    )
    print(f"{args.output}: the first {done.layers} of {done.whole} transformer layers of {config.base}")
    print(f"s3prl loads it without this package: run_downstream.py -u {done.entry} -k {args.output} ...")
    return 0
