"""What a recipe trains by: the shipped ones stand, and what s3prl would trip over is named."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from s3prl_convexprune.downstream.training_numbers import check_training
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.tasks.recipes import recipe_path
from s3prl_convexprune.tasks.table import TASKS


def recipe(downstream: str = "speech_commands") -> dict[str, Any]:
    return yaml.full_load(recipe_path(downstream).read_text())


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_shipped_recipes_stand(task):
    check_training(recipe(task.downstream.name))


@pytest.mark.parametrize(
    ("place", "text", "stands"),
    [
        ("runner.total_steps", "1.0e+5", True),
        ("runner.eval_step", "1000000000", True),
        ("runner.gradient_clipping", "0.5", True),
        ("optimizer.lr", "1.0e-5", True),
        ("optimizer.lr", "1e-5", False),  # text, as PyYAML reads it
        ("optimizer.lr", "null", False),
        ("runner.save_step", "1.5", False),
        ("runner.log_step", ".nan", False),
        ("runner.gradient_accumulate_steps", ".inf", False),
    ],
)
def test_numbers_as_yaml_reads_them(place, text, stands):
    config = recipe()
    section, key = place.split(".")
    config[section][key] = yaml.full_load(text)
    if stands:
        check_training(config)
    else:
        with pytest.raises(ConfigError, match=rf"^config\.{place} .*: expected "):
            check_training(config)
