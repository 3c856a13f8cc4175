"""The whole job on the embedded default: measure, choose, cut, register, train and score, compare.

Nothing here is special to the demo but the sizes: it calls what the commands `analyze`, `select`, `run`, `profile`
and `leaderboard` call, with the tiny model and the synthetic corpus that ship with the package.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .. import atomic
from ..analysis.analyze import analyze, open_corpus
from ..analysis.plot import draw_curve
from ..analysis.select import Selected, select
from ..artifact import Analysis
from ..config import SEARCH_PATH_VARIABLE
from ..errors import ConvexPruneError
from ..registry import build_upstream
from ..report.page import write_page
from ..superb.grid import run_cells
from ..superb.leaderboard import load_rows, make_leaderboard
from ..superb.plan import make_plan
from ..superb.profile import profile_upstream, write_profiles
from ..superb.results import write_results
from ..superb.tables import markdown
from .layout import lay_out
from .table import comparison, verdicts

WHOLE = "tiny_hubert"
SEEDS = (1, 2, 3)
POLICY = "within-sem"
NOTES = (
    "The corpus is synthetic speech: 20 voices of speech synthesisers. What the ER task tells apart are four prosody "
    "settings of those voices, not emotions.",
    "The model is a HuBERT of 12 layers and a few million parameters, and the schedules are short. The numbers show "
    "that the whole chain works and what it decides; they say nothing about SUPERB's ranking.",
    "Each cut keeps the shallowest layer that cannot be told from the most convex one (policy within-sem); the paper's "
    "principle, argmax, takes the most convex layer itself.",
    "Depths were chosen on the training splits' labels, so by SUPERB's rules these are task-specific cuts. In ER each "
    "fold holds out other speakers, and the depth was chosen once, on speakers that some folds hold out.",
)


@dataclass(frozen=True)
class DemoTask:
    """A SUPERB task on the demo corpus.

    Attributes:
        name: the task.
        label: whose convexity chooses the depth.
        steps: optimizer steps; a short schedule, so the accuracies are not SUPERB numbers.
        eval_step: steps between two looks at the dev set; the best checkpoint is scored. KS has one look, at the end:
            half-way through, its balanced dev set and its test set rank checkpoints differently. ER has two: s3prl's
            ER expert seeds itself with 0, so that runs of different seeds are the same until the first look.
        batch: utterances a step.
        lr: the learning rate.
    """

    name: str
    label: str
    steps: int
    eval_step: int
    batch: int
    lr: float


TASKS = (
    DemoTask("ks", "word", steps=300, eval_step=300, batch=16, lr=3e-3),
    DemoTask("sid", "speaker", steps=150, eval_step=150, batch=16, lr=3e-3),
    DemoTask("er", "emotion", steps=40, eval_step=20, batch=8, lr=3e-3),
)


def run_demo(
    output: str | Path, *, tasks: Sequence[DemoTask] = TASKS, seeds: Sequence[int] = SEEDS, jobs: int = 2
) -> Path:
    """Run the demo; what is finished from an earlier, interrupted run is kept.

    Args:
        output: the folder for everything it makes.
        tasks: the tasks.
        seeds: of the downstream training, one run each.
        jobs: worker processes.

    Returns:
        The path of `report.html`.
    """
    output = atomic.check_place(Path(output).resolve(), folder=True)
    chosen = {task.name: choose_depth(task, output) for task in tasks}
    os.environ[SEARCH_PATH_VARIABLE] = str(output / "upstream_configs")
    train(output, tasks, chosen, seeds, jobs)
    profiles = profile(output, [WHOLE, *(selected.config["name"] for selected in chosen.values())])
    return report(output, tasks, chosen, profiles)


def choose_depth(task: DemoTask, output: Path) -> Selected:
    """Measure the task's classes on the training split, draw the curve, write the upstream config."""
    path = output / "analysis" / f"{task.label}.json"
    analysis = analyze(WHOLE, open_corpus("demo", task.label), task.label, path, corpus="demo")
    name = f"{WHOLE}_convexpruned_{task.name}"
    selected = select(
        path, POLICY, name=name, task=task.name, output=output / "upstream_configs" / f"{name}.yaml"
    )
    draw_curve([analysis], path.with_suffix(""), [selected.choice])
    print(selected.explanation, flush=True)
    return selected


def short_schedule(task: DemoTask) -> dict[str, object]:
    """Recipe overrides that shorten a SUPERB schedule to the demo's; head, optimiser and losses stay the recipe's."""
    runner = {
        "total_steps": task.steps,
        "gradient_accumulate_steps": 1,
        "log_step": task.steps,
        "eval_step": task.eval_step,
        "save_step": task.steps,
        "eval_dataloaders": ["dev"],
    }
    batches = ("batch_size",) if task.name == "ks" else ("train_batch_size", "eval_batch_size")
    return {
        **{f"config.runner.{key}": value for key, value in runner.items()},
        **{f"config.downstream_expert.datarc.{key}": task.batch for key in batches},
        "config.downstream_expert.datarc.num_workers": 0,
    }


def train(
    output: Path, tasks: Sequence[DemoTask], chosen: dict[str, Selected], seeds: Sequence[int], jobs: int
) -> None:
    """Train and score every cell of the demo's grid through s3prl's own runner.

    Raises:
        ConvexPruneError: a cell failed; the message has the end of its log.
    """
    plans = []
    for task in tasks:
        settings = lay_out(output / "corpus" / task.name, task.name) | short_schedule(task)
        plans.append(
            make_plan(
                [WHOLE, chosen[task.name].config["name"]],
                [task.name],
                output / "experiments",
                seeds=seeds,
                lrs=[task.lr],
                overrides={task.name: [f"{key}={value!r}" for key, value in settings.items()]},
            )
        )
    grid = replace(
        plans[0],
        cells=tuple(cell for plan in plans for cell in plan.cells),
        recipes={name: path for plan in plans for name, path in plan.recipes.items()},
        overrides={name: given for plan in plans for name, given in plan.overrides.items()},
    )
    outcome = run_cells(grid, jobs=jobs)
    for title, note in outcome.failed.items():
        raise ConvexPruneError(f"{title} failed: {note['reason']}; its log is {note['log']}")


def profile(output: Path, upstreams: Sequence[str]) -> list[dict[str, Any]]:
    """Parameters, MACs and real-time factor of each upstream, measured one after the other on a quiet process."""
    rows = [
        profile_upstream(build_upstream(name), name, seconds=(1.0, 4.0), batches=(1,), repeats=5)
        for name in tqdm(dict.fromkeys(upstreams), unit="upstream", desc="profile")
    ]
    write_profiles(output / "profile.json", rows, "cpu")
    return rows


def report(
    output: Path, tasks: Sequence[DemoTask], chosen: dict[str, Selected], profiles: Sequence[dict[str, Any]]
) -> Path:
    """The table on the terminal, `results.json`, `leaderboard.md` and the page."""
    rows = load_rows([output / "experiments"])
    write_results(
        output / "results.json", [{**row, "folder": os.path.relpath(row["folder"], output)} for row in rows]
    )
    entries = make_leaderboard(rows, profiles=profiles)
    atomic.write_text(output / "leaderboard.md", markdown(entries))
    cuts = {task.name: selected.config["name"] for task, selected in zip(tasks, chosen.values(), strict=True)}
    lines = comparison(entries, WHOLE, cuts)
    print("\n" + "\n".join(lines))
    analyses = [Analysis.read(output / "analysis" / f"{task.label}.json") for task in tasks]
    page = write_page(
        rows,
        analyses,
        profiles,
        output / "report.html",
        [*NOTES, *verdicts(entries, cuts)],
        title="The demo: a tiny HuBERT, whole and cut where its classes are most convex",
    )
    print(f"\n{page}")
    return page
