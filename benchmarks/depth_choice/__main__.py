"""Every depth and every rival rule on the demo's model and corpus: is the most convex layer a good place to cut?

    python -m benchmarks.depth_choice [-o FOLDER] [--jobs 2] [--seeds 1 2 3] [--folds fold1 ...] [-t ks sid er]

Whole model, every depth, Sajjad's bottom, symmetric and alternate dropping at the budget of convexity's choice (his top
dropping is the cut itself), and the depths that CKA, cosine and a linear probe choose, on KS, SID and ER. Killed, it
goes on where it was. Writes `<output>/depth_choice.json`, `.md` and the page.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.depth_choice.rules import chosen_depths
from benchmarks.depth_choice.subsets import write_subset
from benchmarks.depth_choice.verdict import table, verdicts
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.atomic import write_json, write_text
from s3prl_convexprune.bases import tiny_hubert_path
from s3prl_convexprune.config import SEARCH_PATH_VARIABLE
from s3prl_convexprune.demo.layout import lay_out
from s3prl_convexprune.demo.run import TASKS, WHOLE, DemoTask, short_schedule
from s3prl_convexprune.pruning.prune import num_layers
from s3prl_convexprune.registry import build_upstream
from s3prl_convexprune.report.page import write_page
from s3prl_convexprune.superb.cells import Plan
from s3prl_convexprune.superb.grid import run_cells
from s3prl_convexprune.superb.leaderboard import load_rows
from s3prl_convexprune.superb.plan import make_plan
from s3prl_convexprune.superb.summary import score_task

STRATEGIES = ("bottom", "symmetric", "alternate")


def plan_task(
    task: DemoTask, upstreams: Sequence[str], output: Path, seeds: Sequence[int], folds: Sequence[str]
) -> Plan:
    """The task's part of the grid, on the demo's short schedule."""
    settings = lay_out(output / "corpus" / task.name, task.name) | short_schedule(task)
    overrides = {task.name: [f"{key}={value!r}" for key, value in settings.items()]}
    grid = output / "experiments"
    return make_plan(
        upstreams, [task.name], grid, seeds=seeds, lrs=[task.lr], folds=folds, overrides=overrides
    )


def scores_by_seed(rows: Sequence[dict], task: str) -> dict[str, dict[int, float]]:
    """Test accuracy an upstream and seed, folds averaged."""
    upstreams = {row["upstream"] for row in rows if row["task"] == task}
    return {
        name: {
            seed: score_task(
                [r for r in rows if (r["upstream"], r["task"], r["seed"]) == (name, task, seed)]
            ).mean
            for seed in {row["seed"] for row in rows if row["upstream"] == name and row["task"] == task}
        }
        for name in upstreams
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("depth_choice"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--folds", nargs="+", default=[], help="of ER; all five by default")
    parser.add_argument("-t", "--task", nargs="+", default=[task.name for task in TASKS])
    args = parser.parse_args()
    output = args.output.resolve()
    tasks = [task for task in TASKS if task.name in args.task]
    whole = num_layers(build_upstream(WHOLE))
    depths = {depth: f"{WHOLE}_convexpruned_L{depth}" for depth in range(1, whole)} | {whole: WHOLE}
    rules, others, plans = {}, {}, []
    for task in tasks:
        rules[task.name] = chosen_depths(WHOLE, task.label, output / "analysis")
        kept = rules[task.name]["convexity"]
        others[task.name] = [write_subset(name, kept, tiny_hubert_path(), output) for name in STRATEGIES]
        upstreams = [*depths.values(), *others[task.name]]
        plans.append(plan_task(task, upstreams, output, args.seeds, args.folds))
        print(f"{task.name}: {rules[task.name]}", flush=True)
    os.environ[SEARCH_PATH_VARIABLE] = str(output / "upstream_configs")
    grid = replace(
        plans[0],
        cells=tuple(cell for plan in plans for cell in plan.cells),
        recipes={name: path for plan in plans for name, path in plan.recipes.items()},
        overrides={name: given for plan in plans for name, given in plan.overrides.items()},
    )
    outcome = run_cells(grid, jobs=args.jobs)
    if outcome.failed or outcome.open:
        raise SystemExit(
            f"{len(outcome.failed)} cells failed, {len(outcome.open)} are open; run the same command again"
        )
    rows = load_rows([output / "experiments"])
    found = {name: verdicts(depths, rules[name], others[name], scores_by_seed(rows, name)) for name in rules}
    text = "\n\n".join(table(name, found[name], whole) for name in found) + "\n"
    write_json(output / "depth_choice.json", {"rules": rules, "verdicts": found})
    write_text(output / "depth_choice.md", text)
    analyses = [Analysis.read(output / "analysis" / f"{task.label}.json") for task in tasks]
    systems = {"convexity's choice": {name: depths[rules[name]["convexity"]] for name in rules}}
    write_page(
        rows, analyses, [], output / "report.html", ["Synthetic speech, short schedules."], systems=systems
    )
    print(text)


if __name__ == "__main__":
    main()
