"""The numbers of a recipe that s3prl's runner trains by: a wrong one is its traceback, or a training of nothing."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from ..numbers import LEARNING_RATE, Range

STEPS = Range("a whole number of steps, 1 or more", 1, whole=True)
TRAINED_BY = {
    ("runner", "total_steps"): STEPS,
    ("runner", "eval_step"): STEPS,
    ("runner", "save_step"): STEPS,
    ("runner", "log_step"): STEPS,
    ("runner", "gradient_accumulate_steps"): STEPS,
    ("runner", "gradient_clipping"): Range("a gradient norm above 0, such as 1", 0, above=True),
    ("runner", "max_keep"): Range("a whole number of checkpoints, 1 or more", 1, whole=True),
    ("optimizer", "lr"): LEARNING_RATE,
}
OPTIONAL = {"lr"}  # an optimizer has its own


def check_training(config: dict[str, Any]) -> None:
    """Hold a recipe's numbers, overrides among them, against what training can do with them.

    Raises:
        ConfigError: one is missing, no number or out of range; the message names its key.
    """
    for (section, key), expected in TRAINED_BY.items():
        given = config.get(section)
        if not isinstance(given, dict):
            raise ConfigError(f"config.{section}: expected a section with {key} and others")
        name = f"config.{section}.{key}"
        if key in given:
            expected.check(name, _whole(given[key]))
        elif key not in OPTIONAL:
            raise ConfigError(f"{name} is missing: expected {expected.expected}")


def _whole(value: Any) -> Any:
    """1e5 as the step 100000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
