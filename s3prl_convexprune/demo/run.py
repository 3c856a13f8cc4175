"""The whole job on the embedded default: measure, choose, cut, register, train and score, compare.

Nothing here is special to the demo but the sizes: it calls what the commands `analyze`, `select`, `run`, `profile`
and `leaderboard` call, with the tiny model and the synthetic corpus that ship with the package.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..analysis.analyze import analyze, open_corpus
from ..analysis.plot import draw_curve
from ..analysis.select import Selected, select
from ..artifact import Analysis
from ..config import SEARCH_PATH_VARIABLE

WHOLE = "tiny_hubert"
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class DemoTask:
    """A SUPERB task on the demo corpus.

    Attributes:
        name: the task.
        label: whose convexity chooses the depth.
        steps: optimizer steps; a short schedule, so the accuracies are not SUPERB numbers.
        batch: utterances a step.
        lr: the learning rate.
    """

    name: str
    label: str
    steps: int
    batch: int
    lr: float


TASKS = (
    DemoTask("ks", "word", steps=150, batch=16, lr=1e-2),
    DemoTask("sid", "speaker", steps=150, batch=16, lr=1e-2),
    DemoTask("er", "emotion", steps=100, batch=16, lr=1e-2),
)


def run_demo(output: str | Path, *, tasks: Sequence[DemoTask] = TASKS, seeds: Sequence[int] = SEEDS, jobs: int = 2) -> Path:
    """Run the demo; what is finished from an earlier, interrupted run is kept.

    Args:
        output: the folder for everything it makes.
        tasks: the tasks.
        seeds: of the downstream training, one run each.
        jobs: worker processes.

    Returns:
        The path of `report.html`.
    """
    output = Path(output).resolve()
    chosen = {task.name: choose_depth(task, output) for task in tasks}
    os.environ[SEARCH_PATH_VARIABLE] = str(output / "upstream_configs")
    _train(output, tasks, chosen, seeds, jobs)
    return _report(output, tasks, chosen)


def choose_depth(task: DemoTask, output: Path) -> Selected:
    """Measure the task's classes on the training split, draw the curve, write the upstream config."""
    path = output / "analysis" / f"{task.label}.json"
    analysis = analyze(WHOLE, open_corpus("demo", task.label), task.label, path, corpus="demo")
    name = f"{WHOLE}_convexpruned_{task.name}"
    selected = select(path, name=name, task=task.name, output=output / "upstream_configs" / f"{name}.yaml")
    draw_curve([analysis], path.with_suffix(""), [selected.choice])
    print(selected.explanation, flush=True)
    return selected


def _train(output: Path, tasks: Sequence[DemoTask], chosen: dict[str, Selected], seeds: Sequence[int], jobs: int) -> None:
    from ..superb.cells import make_plan
    from ..superb.grid import run_cells
    from .layout import lay_out

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
    merged = replace(
        plans[0],
        cells=tuple(cell for plan in plans for cell in plan.cells),
        recipes={name: path for plan in plans for name, path in plan.recipes.items()},
        overrides={name: given for plan in plans for name, given in plan.overrides.items()},
    )
    run_cells(merged, jobs=jobs)
