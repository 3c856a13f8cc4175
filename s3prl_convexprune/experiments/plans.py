"""From a study's evaluations and the cuts that its rules chose to plans of cells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..corpora.demo import lay_out
from ..errors import ConfigError, CorpusError
from ..tasks.recipes import stated_paths
from ..tasks.table import get_task
from .analyses import expanded
from .cells.plan import Plan
from .cuts import Cut
from .finetuned.comparison import Comparison, make_comparison
from .frozen.grid import Grid
from .frozen.planning import make_plan
from .study import Base, Evaluation, Study


@dataclass(frozen=True)
class Part:
    """What a study has one plan for.

    Attributes:
        plan: the cells.
        base, evaluation: the whole upstream and the evaluation of a comparison; None for the grid of all frozen ones.
    """

    plan: Plan
    base: Base | None = None
    evaluation: Evaluation | None = None


def parts(study: Study, chosen: Mapping[str, Sequence[Cut]], output: Path, device: str | None) -> Iterator[Part]:
    """The plans of a study: one grid of every frozen evaluation, so that its workers are never idle between tasks, and
    for each fine-tuned evaluation one comparison a whole upstream.

    Args:
        study: the study.
        chosen: title of an evaluation -> its cuts.
        output: the study's folder.
        device: torch device of every cell; None as a `Plan` takes it.

    Raises:
        ConfigError: an evaluation's overrides or folds cannot be, or its corpus's folder is not given.
    """
    grids = [_grid(one, chosen[one.title], output, device) for one in study.evaluate if one.how == "frozen"]
    if grids:
        cells = tuple(cell for grid in grids for cell in grid.cells)
        recipes = {name: path for grid in grids for name, path in grid.recipes.items()}
        overrides = {name: given for grid in grids for name, given in grid.overrides.items()}
        yield Part(replace(grids[0], cells=cells, recipes=recipes, overrides=overrides))
    for evaluation in study.evaluate:
        if evaluation.how == "finetuned":
            folder, told = _data(evaluation, output)
            for base in study.bases:
                plan = _comparison(evaluation, base, chosen[evaluation.title], output, device, folder, told)
                yield Part(plan, base, evaluation)


def experiments_dir(output: Path) -> Path:
    """Where a study's frozen cells lie."""
    return output / "experiments"


def comparison_dir(output: Path, task: str, base: Base) -> Path:
    """Where the cells of a study's comparison lie."""
    return output / "finetuned" / task / base.name


def _grid(evaluation: Evaluation, cuts: Sequence[Cut], output: Path, device: str | None) -> Grid:
    settings = dict(evaluation.overrides)
    if evaluation.data == "demo":
        laid_out = lay_out(output / "corpus" / evaluation.task, evaluation.task)
        settings = stated_paths(get_task(evaluation.task).downstream.name, laid_out.variables) | settings
    return make_plan(
        [cut.name for cut in cuts],
        [evaluation.task],
        experiments_dir(output),
        lrs=evaluation.lrs,
        seeds=evaluation.seeds,
        folds=evaluation.folds,
        overrides={evaluation.task: [f"{key}={value!r}" for key, value in settings.items()]},
        device=device,
    )


def _comparison(
    evaluation: Evaluation,
    base: Base,
    cuts: Sequence[Cut],
    output: Path,
    device: str | None,
    folder: Path,
    told: Mapping[str, str],
) -> Comparison:
    whole_first = sorted((cut for cut in cuts if cut.base == base), key=lambda cut: cut.layers != cut.of)
    return make_comparison(
        [cut.name for cut in whole_first],
        evaluation.task,
        comparison_dir(output, evaluation.task, base),
        folder,
        seeds=evaluation.seeds,
        folds=evaluation.folds,
        variant=evaluation.variant,
        overrides={**told, **{key: hyperparameter(value) for key, value in evaluation.overrides.items()}},
        device=device,
    )


def _data(evaluation: Evaluation, output: Path) -> tuple[Path, dict[str, str]]:
    """A fine-tuned evaluation's corpus, and what else its recipe is told about that."""
    if evaluation.data == "demo":
        recipe = get_task(evaluation.task).finetuning
        demo = recipe.demo[evaluation.variant or recipe.variant]
        root = (output / "corpus" / demo.layout).resolve()
        lay_out(root, demo.layout)
        return (root / demo.folder).resolve(), {key: str((root / name).resolve()) for key, name in demo.others.items()}
    return data_folder(evaluation), {}


def data_folder(evaluation: Evaluation) -> Path:
    """Where the corpus of a fine-tuned evaluation lies: as the study states it, or as the environment does.

    Raises:
        ConfigError: neither does.
        CorpusError: there is no such folder.
    """
    variable = get_task(evaluation.task).data_variable
    stated = evaluation.data or os.environ.get(variable)
    if not stated:
        raise ConfigError(
            f"evaluation {evaluation.title}: its corpus's folder is not given; state 'data: FOLDER', or set {variable}"
        )
    folder = expanded(stated)
    if not folder.is_dir():
        raise CorpusError(f"evaluation {evaluation.title}: {folder} is not a folder")
    return folder


def hyperparameter(value: object) -> str:
    """A value of the study as the recipe's command line takes it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
