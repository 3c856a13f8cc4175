"""`finetune`: SpeechBrain recipes on several upstreams, everything else equal, and the table that compares them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import ConfigError
from ..numbers import SCORE
from . import cells, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(parser, several=True, help="upstreams on s3prl's hub, whole or cut; the first is the reference")
    options.ckpt(parser)
    options.tasks(parser)
    options.output(parser, "the comparison's folder; a second call goes on in it", required=True)
    parser.add_argument("--data-folder", type=Path, required=True, metavar="DIR", help="the task's corpus")
    options.seeds(parser, [0, 1, 2])
    options.folds(parser)
    parser.add_argument(
        "--variant", metavar="NAME", help="another variant of the recipe: v1_12 of ks, speech_commands of sid"
    )
    parser.add_argument("--hparams", type=Path, help="a hyperparameter file of your own")
    options.override(parser, "KEY=VALUE", "hyperparameters to change, for all")
    parser.add_argument(
        "--target", type=SCORE, help="dev score for 'time to target' (default: the reference's, less 5 %%)"
    )
    options.device(parser)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16", "fp16"])
    cells.workers(parser)
    cells.dry_run(parser, "the cells and their recipes' commands")


def run(args: argparse.Namespace) -> int:
    from ..experiments.cells.run import dry_run
    from ..experiments.cells.workers import Workers
    from ..experiments.finetune import run_comparison
    from ..experiments.finetuned.comparison import make_comparison

    hint = options.lone_seed_hint(args.seeds)
    if hint:
        print(f"s3prl-convexprune: note: {hint}", file=sys.stderr)
    workers = Workers(**cells.who(args))
    comparison = make_comparison(
        args.upstream,
        args.task,
        args.output,
        args.data_folder,
        seeds=args.seeds,
        folds=args.folds,
        variant=args.variant,
        hparams=args.hparams,
        overrides=dict(map(_pair, args.override)),
        ckpt=args.ckpt,
        device=args.device,
        precision=args.precision,
    )
    if args.dry_run:
        print(dry_run(workers.share_of(comparison)))
        return 0
    report, table = run_comparison(comparison, workers, target=args.target)
    report.raise_failed()
    if table is None:
        return cells.print_report(report)
    print(table)
    return 0


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.lstrip("-").partition("=")
    if not equals or not key:
        raise ConfigError(f"--override {text!r}: write KEY=VALUE, such as number_of_epochs=5")
    return key, value
