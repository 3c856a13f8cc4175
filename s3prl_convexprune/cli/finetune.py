"""`finetune`: SpeechBrain recipes on several upstreams, everything else equal, and the table that compares them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import ConfigError
from ..numbers import SCORE
from . import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(
        parser, several=True, help="upstreams on s3prl's hub, whole or cut; the first is the reference"
    )
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
    parser.add_argument(
        "--override", nargs="+", default=[], metavar="KEY=VALUE", help="hyperparameters to change, for all"
    )
    parser.add_argument(
        "--target", type=SCORE, help="dev score for 'time to target' (default: the reference's, less 5 %%)"
    )
    options.device(parser)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16", "fp16"])


def run(args: argparse.Namespace) -> int:
    from ..checks import check
    from ..superb.tasks import get_task

    task = get_task(args.task)
    check(
        args.upstream,
        ckpt=args.ckpt,
        folders={"--data-folder": args.data_folder, "--hparams": args.hparams},
        device=args.device,
    )
    from ..outputs import check_output, write_marked
    from ..speechbrain import runs, table
    from ..speechbrain.comparison import Comparison
    from ..superb.result import Results
    from ..superb.results import write_results

    hint = options.lone_seed_hint(args.seeds)
    if hint:
        print(f"s3prl-convexprune: note: {hint}", file=sys.stderr)
    plan = Comparison(
        upstreams=tuple(args.upstream),
        task=task.name,
        data_folder=args.data_folder,
        output=args.output,
        seeds=tuple(args.seeds),
        folds=tuple(args.folds),
        variant=args.variant,
        hparams=args.hparams,
        overrides=dict(map(_pair, args.override)),
        ckpt=args.ckpt,
        device=args.device,
        precision=args.precision,
    )
    check_output(args.output / "table.md", table.KIND)
    check_output(args.output / "results.json", Results.FORMAT, Results.VERSION)
    rows = runs.run_all(plan)
    write_results(args.output / "results.json", rows)
    text = table.markdown(table.lines(rows, args.target), task)
    write_marked(args.output / "table.md", table.KIND, text)
    print(text)
    return 0


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.lstrip("-").partition("=")
    if not equals or not key:
        raise ConfigError(f"--override {text!r}: write KEY=VALUE, such as number_of_epochs=5")
    return key, value
