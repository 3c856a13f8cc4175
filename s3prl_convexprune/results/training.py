"""How trainings were set: what departs from the recipe that ships, and how two upstreams' trainings differ."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from ..fingerprint import file_sha256
from ..tasks.recipes import recipe_path
from ..tasks.task import Task
from ..yaml_file import read_yaml
from .result import Result

STEPS = "config.runner.total_steps"
#: The learning rates of a frozen upstream's head, of a fine-tuned one's head, and of that upstream.
RATES = frozenset({"config.optimizer.lr", "lr", "lr_upstream"})
#: Last parts of settings that no number depends on.
WITHOUT_EFFECT = frozenset({"num_workers", "log_step", "save_step", "max_keep"})


def departures(task: Task, rows: Sequence[Result]) -> Iterator[str]:
    """How frozen upstreams' trainings depart from the recipe that ships, the number of steps apart.

    Args:
        task: their task.
        rows: one upstream's cells.
    """
    recipe = recipe_path(task.downstream.name)
    shipped = file_sha256(recipe)
    for name in sorted({row.provenance.recipe for row in rows if row.provenance.recipe_sha256 != shipped}):
        yield f"recipe {name} is not the one that ships"
    changed = {key: value for row in rows for key, value in settings(task, row).items() if key != STEPS}
    if changed:
        known = _flat("config", read_yaml(recipe, yaml.FullLoader))
        other = [f"{key}={value}" for key, value in changed.items() if known.get(key, ...) != _value(value)]
        if other:
            yield f"{', '.join(sorted(other))} in place of the recipe's"
    for precision in sorted({row.reduced.precision for row in rows if row.reduced}):
        yield f"the upstream's pass in {precision}"


def other_training(task: Task, rows: Sequence[Result], others: Sequence[Result]) -> str | None:
    """How two upstreams were trained otherwise; None where they were trained alike, up to the learning rate.

    Args:
        task: their task.
        rows, others: the cells of the one, and of the other.
    """
    steps, other_steps = ({row.total_steps for row in cells} for cells in (rows, others))
    if steps != other_steps:
        one, other = (", ".join(f"{count:,}" for count in sorted(counts)) for counts in (steps, other_steps))
        return f"they were trained for {one} steps and for {other}"
    recipe, other_recipe = ({row.provenance.recipe_sha256 for row in cells} for cells in (rows, others))
    if recipe != other_recipe:
        return "they were trained by other recipes"
    one_set, other_set = ({item for row in cells for item in settings(task, row).items()} for cells in (rows, others))
    if one_set != other_set:
        return f"they were trained with other settings: {', '.join(sorted({key for key, _ in one_set ^ other_set}))}"
    return None


def settings(task: Task, row: Result) -> dict[str, str]:
    """The overrides that a number depends on, key -> value: without learning rates and the corpus's folders."""
    folders = {f"config.downstream_expert.{folder.section}.{folder.key}" for folder in task.downstream.folders}
    folders |= {key for demo in task.finetuning.demo.values() for key in demo.others}
    given = {key.strip(): value.strip() for key, _, value in (text.partition("=") for text in row.provenance.overrides)}
    return {
        key: value
        for key, value in given.items()
        if key not in RATES | folders and key.rpartition(".")[2] not in WITHOUT_EFFECT
    }


def _flat(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}"
        found |= _flat(name, value) if isinstance(value, dict) else {name: value}
    return found


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
