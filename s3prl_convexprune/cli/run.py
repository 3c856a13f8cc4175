"""`s3prl-convexprune run`: a grid of SUPERB experiments."""

from __future__ import annotations

import argparse

from ..numbers import LEARNING_RATE
from . import cells, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(parser, several=True)
    options.ckpt(parser)
    options.tasks(parser, several=True)
    options.output(parser, "folder of the grid; every cell is a folder below it", required=True)
    parser.add_argument(
        "--lr", nargs="+", type=LEARNING_RATE, default=[], help="learning rates, chosen on dev (default: the recipe's)"
    )
    options.seeds(parser, [1337])
    options.folds(parser)
    what = "s3prl overrides for all cells or for one task, e.g. ks:config.runner.total_steps=1000"
    options.override(parser, "[TASK:]KEY=VALUE", what)
    options.device(parser)
    cells.workers(parser)
    cells.together(parser)
    parser.add_argument(
        "--precision",
        choices=("bf16", "fp16"),
        help="of the frozen upstream's forward pass (default: full); the result says what that changed",
    )
    cells.dry_run(parser, "the cells and their run_downstream.py commands")


def run(args: argparse.Namespace) -> int:
    from ..experiments.cells.run import dry_run, run_cells
    from ..experiments.cells.workers import Workers
    from ..experiments.frozen.planning import check_plan, make_plan

    workers = Workers(**cells.who(args))
    plan = make_plan(
        args.upstream,
        args.task,
        args.output,
        lrs=args.lr,
        seeds=args.seeds,
        folds=args.folds,
        overrides=parse_overrides(args.override),
        device=args.device,
        ckpt=args.ckpt,
        together=args.together,
        precision=args.precision,
    )
    mine = workers.share_of(plan)
    check_plan(mine, elsewhere=workers.elsewhere)
    if args.dry_run:
        print(dry_run(mine))
        return 0
    return cells.print_report(run_cells(plan, workers))


def parse_overrides(texts: list[str]) -> dict[str, list[str]]:
    """`["ks:config.a=1", "config.b=2"]` by task.

    >>> parse_overrides(["ks:config.a=1", "config.b=2"])
    {'ks': ['config.a=1'], 'all': ['config.b=2']}
    """
    by_task: dict[str, list[str]] = {}
    for text in texts:
        task, colon, rest = text.partition(":")
        if colon and "=" not in task and "." not in task:
            by_task.setdefault(task, []).append(rest)
        else:
            by_task.setdefault("all", []).append(text)
    return by_task
