"""Expand a grid into its cells, and refuse what no cell could do before the first one starts."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml

from ...atomic import check_place
from ...downstream.training_numbers import check_training
from ...errors import ConfigError, nearest
from ...numbers import LEARNING_RATE, SEED
from ...results.cell import Cell, Precision
from ...tasks.recipes import fill_paths, recipe_path
from ...tasks.requirements import require_packages
from ...tasks.table import get_task, get_tasks
from ...upstreams.checks import check
from ...yaml_file import read_yaml
from .grid import Grid
from .together.groups import check_together, trains_upstream

DEFAULT_SEED = 1337
PRECISIONS = get_args(Precision)
ALL_TASKS = "all"
OWNED_BY_GRID = {
    "config.optimizer.lr": "--lr",
    "config.downstream_expert.datarc.test_fold": "--folds",
    "args.seed": "--seeds",
    "args.expdir": "-o",
    "args.device": "--device",
    "args.upstream": "-u",
    "args.downstream": "-t",
}


def make_plan(
    upstreams: Sequence[str],
    tasks: Sequence[str],
    expdir: str | Path,
    *,
    lrs: Sequence[float] = (),
    seeds: Sequence[int] = (DEFAULT_SEED,),
    folds: Sequence[str] = (),
    overrides: Mapping[str, str | Sequence[str]] | None = None,
    recipes: Mapping[str, str | Path] | None = None,
    device: str | None = None,
    ckpt: str | None = None,
    together: int | None = None,
    precision: Precision | None = None,
) -> Grid:
    """Expand a grid.

    Args:
        upstreams: names on s3prl's hub.
        tasks: keys of `TASKS`.
        expdir: the grid's folder.
        lrs: learning rates to choose from on dev; empty: the recipe's own.
        seeds: s3prl seeds.
        folds: for tasks with folds, which of them; empty: all (anything less is not the task's number).
        overrides: s3prl overrides by task; the key ``"all"`` is for every task. A value may hold several, joined
            by ``,,`` as s3prl writes them.
        recipes: recipe file a task, where it is not this package's.
        device: torch device; None takes the GPU where there is one.
        ckpt: s3prl's ``-k``.
        together: how many cells may share a forward pass; None: as many as memory holds, 1: none.
        precision: of the frozen upstreams' forward pass, "bf16" or "fp16"; None: full.

    Raises:
        ConfigError: an unknown task or fold, an override that the grid itself decides, a recipe that is not there.
        InstallationError: a package that a task's recipe imports is not installed.
    """
    if not upstreams:
        raise ConfigError("a grid needs at least one upstream (-u)")
    check_together(together)
    if precision not in (None, *PRECISIONS):
        raise ConfigError(f"--precision {precision}{nearest(str(precision), PRECISIONS)}")
    expdir = Path(expdir)
    if "=" in str(expdir.resolve()) or ",," in str(expdir.resolve()):
        raise ConfigError(f"{expdir}: s3prl's -o cannot carry a path with '=' or ',,' in it; choose another folder")
    SEED.check_all("--seeds", seeds)
    chosen = get_tasks(tasks)
    for task in chosen:
        require_packages(task.downstream.name)
    paths = {task.name: str((recipes or {}).get(task.name, recipe_path(task.downstream.name))) for task in chosen}
    per_task = _overrides_by_task(overrides or {}, [task.name for task in chosen])
    for task in chosen if precision else ():
        if trains_upstream(per_task[task.name]):
            raise ConfigError(f"--precision {precision} is for frozen upstreams; {task.name} trains its own")
    cells = []
    for task in chosen:
        rates = [float(lr) for lr in LEARNING_RATE.check_all("--lr", lrs)] or [_recipe_lr(paths[task.name])]
        for upstream in dict.fromkeys(upstreams):
            for lr in dict.fromkeys(rates):
                for seed in dict.fromkeys(seeds):
                    cells += [Cell(upstream, task.name, fold, lr, int(seed)) for fold in _folds(task.name, folds)]
    return Grid(expdir, tuple(cells), paths, per_task, precision, device=device, ckpt=ckpt, together=together)


def check_plan(plan: Grid, *, elsewhere: bool = False) -> None:
    """Refuse what every cell would refuse after its half minute of imports: folder, names, checkpoint, corpora, device.

    Args:
        plan: the grid.
        elsewhere: its cells run on other machines, whose devices and corpus folders are not known here.

    Raises:
        ConvexPruneError: see `checks.check`, `recipes.fill_paths` and `training_numbers.check_training`.
    """
    check_place(plan.expdir, folder=True)
    upstreams = dict.fromkeys(cell.upstream for cell in plan.cells)
    check(upstreams, ckpt=plan.ckpt, device=plan.device, elsewhere=True)
    for name in dict.fromkeys(cell.task for cell in plan.cells):
        recipe = read_yaml(plan.recipes[name], yaml.FullLoader)
        for override in plan.overrides.get(name, ()):
            _override(recipe, override)
        if not elsewhere:
            fill_paths(get_task(name).downstream.name, recipe, stated_by=f"--override {name}:")
        check_training(recipe)
    if not elsewhere:
        check((), device=plan.device)


def _override(recipe: dict[str, Any], override: str) -> None:
    """What s3prl's ``-o`` does, for plain values."""
    key, _, text = override.partition("=")
    where, *keys = key.strip().split(".")
    if where != "config" or not keys:
        return
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        value = text.strip()
    for part in keys[:-1]:
        recipe = recipe.setdefault(part, {})
        if not isinstance(recipe, dict):
            raise ConfigError(f"override {override!r}: {part} is a value, not a section")
    recipe[keys[-1]] = value


def _folds(task_name: str, wanted: Iterable[str]) -> Sequence[str | None]:
    task = get_task(task_name)
    if not task.folds:
        return [None]
    chosen = list(dict.fromkeys(wanted)) or list(task.folds)
    for fold in chosen:
        if fold not in task.folds:
            raise ConfigError(f"{task.title} has no {fold!r}; expected one of {', '.join(task.folds)}")
    return chosen


def _recipe_lr(path: str) -> float:
    try:
        return float(read_yaml(path, yaml.FullLoader)["optimizer"]["lr"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: no optimizer.lr in this recipe; give --lr") from error


def _overrides_by_task(given: Mapping[str, str | Sequence[str]], tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    by_task: dict[str, tuple[str, ...]] = {task: () for task in tasks}
    for name, values in given.items():
        if name != ALL_TASKS:
            get_task(name)
        parts = [
            part.strip() for value in ([values] if isinstance(values, str) else values) for part in value.split(",,")
        ]
        for part in filter(None, parts):
            _check_override(part)
            for task in tasks if name == ALL_TASKS else [name]:
                if task in by_task:
                    by_task[task] += (part,)
    return by_task


def _check_override(text: str) -> None:
    key, *values = text.split("=")
    key = key.strip()
    if len(values) != 1 or key.split(".")[0] not in ("args", "config"):
        raise ConfigError(f"override {text!r}: expected config.<key>=<value> or args.<key>=<value>, with one '='")
    if key in OWNED_BY_GRID:
        raise ConfigError(f"override {text!r}: the grid itself decides {key}; use {OWNED_BY_GRID[key]}")
