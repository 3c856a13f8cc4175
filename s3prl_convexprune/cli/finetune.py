"""`finetune`: SpeechBrain recipes on several upstreams, everything else equal, and the table that compares them."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-u", "--upstream", nargs="+", required=True, help="names on s3prl's hub; the first is the reference"
    )
    parser.add_argument("-t", "--task", required=True, help="asr, sid, ks or er")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="the comparison's folder; a second call goes on in it",
    )
    parser.add_argument("--data_folder", type=Path, required=True, help="the task's corpus")
    parser.add_argument("--seeds", type=int, default=3, help="how many training seeds (default: 3)")
    parser.add_argument("--folds", nargs="+", default=[], help="er: which of fold1 ... fold5 (default: all)")
    parser.add_argument("--hparams", type=Path, help="another hyperparameter file of the recipe")
    parser.add_argument(
        "--override", nargs="+", default=[], metavar="KEY=VALUE", help="hyperparameters to change, for all"
    )
    parser.add_argument(
        "--target", type=float, help="dev score for 'time to target' (default: the reference's, less 5 %%)"
    )
    parser.add_argument("-k", "--ckpt", help="checkpoint, for upstreams that take one")
    parser.add_argument("--device", help="torch device, such as cpu or cuda:0")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16", "fp16"])


def run(args: argparse.Namespace) -> int:
    from ..atomic import write_text
    from ..speechbrain import runs, table
    from ..speechbrain.comparison import Comparison
    from ..superb.results import write_results
    from ..superb.tasks import get_task

    task = get_task(args.task)
    plan = Comparison(
        upstreams=tuple(args.upstream),
        task=task.name,
        data_folder=args.data_folder,
        output=args.output,
        seeds=tuple(range(args.seeds)),
        folds=tuple(args.folds),
        hparams=args.hparams,
        overrides=dict(map(_pair, args.override)),
        ckpt=args.ckpt,
        device=args.device,
        precision=args.precision,
    )
    rows = runs.run_all(plan)
    write_results(args.output / "results.json", rows)
    text = table.markdown(table.lines(rows, args.target), task)
    write_text(args.output / "table.md", text)
    print(text)
    return 0


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.lstrip("-").partition("=")
    if not equals or not key:
        raise ConfigError(f"--override {text!r}: write KEY=VALUE, such as number_of_epochs=5")
    return key, value
