"""`study`: a whole comparison that one YAML file says."""

from __future__ import annotations

import argparse

from . import cells, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="FILE|NAME", help="a study's YAML, or the name of one that ships")
    options.output(parser, "the folder for everything it makes", required=True)
    parser.add_argument("--only", choices=("analyses", "cells", "report"), help="one step; the earlier ones are done")
    options.override(parser, "KEY=VALUE", "keys of the file, e.g. evaluate.0.seeds=[1]")
    options.device(parser)
    cells.workers(parser)
    cells.together(parser)
    cells.dry_run(parser, "every step, its command and what it reads")


def run(args: argparse.Namespace) -> int:
    from ..experiments.checks import check_names
    from ..experiments.planned import steps
    from ..experiments.study_file import read_study

    study = read_study(args.study, args.override)
    check_names(study)
    if args.dry_run:
        print("\n".join(map(str, steps(study, args.study, args.output, args.jobs, args.override))))
        return 0
    from ..experiments.engine import run_study

    run_study(study, args.output, only=args.only, together=args.together, device=args.device, **cells.who(args))
    return 0
