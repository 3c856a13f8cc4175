"""The numbers of one experiment, from s3prl's own outputs.

The checkpoint is the one s3prl chose on dev; the number is its test score. Both are read back from what s3prl wrote
(log, checkpoint, predictions) and held against each other: a folder that is half-written, or whose files do not
belong together, yields an error and never a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ArtifactError, CheckpointError
from ..tasks.table import Task
from .predictions import read_predictions

EVALUATED_ALONE = 0  # the step that s3prl logs when a checkpoint is evaluated by itself
LOG_LINE = re.compile(r"^(?P<split>\S+) at step (?P<step>\d+): (?P<value>[0-9.eE+-]+)$")


@dataclass(frozen=True)
class Outcome:
    """What one finished experiment shows.

    Attributes:
        dev: dev score of the chosen checkpoint, percent.
        test: test score of that checkpoint, percent.
        step: optimizer steps after which it was saved.
        total_steps: length of the schedule.
        utterances: size of the test set.
        truth_sha256: identity of the test set.
    """

    dev: float
    test: float
    step: int
    total_steps: int
    utterances: int
    truth_sha256: str


def logged_scores(folder: str | Path) -> list[tuple[str, int, float]]:
    """The (split, step, score as a fraction) lines of an experiment's `log.log`, in order.

    Raises:
        ArtifactError: there is no log, or a line of it is not s3prl's.
    """
    path = Path(folder) / "log.log"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}; s3prl writes it when it evaluates") from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}: is not a text file") from error
    scores = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("New best on "):
            continue
        match = LOG_LINE.match(line)
        if match is None:
            raise ArtifactError(f"{path}: line {number} is not one of s3prl's: {line[:80]!r}")
        try:
            scores.append((match["split"], int(match["step"]), float(match["value"])))
        except ValueError as error:
            raise ArtifactError(f"{path}: line {number} has no number: {line[:80]!r}") from error
    return scores


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """An s3prl experiment checkpoint, without running code from it.

    Raises:
        ArtifactError: it is missing, truncated or not one.
    """
    from .. import safe_load  # imports torch

    try:
        states = safe_load.load(Path(path), map_location="cpu")
    except CheckpointError as error:
        raise ArtifactError(str(error)) from error
    if not isinstance(states, dict) or not {"Step", "Config", "Args", "Downstream"} <= set(states):
        raise ArtifactError(f"{path}: is not a checkpoint of s3prl's runner")
    return states


def read_outcome(folder: str | Path, task: Task, fold: str | None = None) -> Outcome:
    """The numbers of an experiment whose dev-chosen checkpoint was evaluated on the test set.

    Args:
        folder: the s3prl experiment folder, after ``-m train`` and ``-m evaluate -e <dev>-best.ckpt``.
        task: its task.
        fold: its fold, for a task that has folds.

    Raises:
        ArtifactError: something is missing, half-written, or does not belong together.
    """
    folder = Path(folder)
    states = read_checkpoint(folder / task.best_checkpoint)
    try:
        step, best = int(states["Step"]), float(states["Downstream"]["best_score"])
        total_steps = int(states["Config"]["runner"]["total_steps"])
    except (KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ArtifactError(
            f"{folder / task.best_checkpoint}: is not a checkpoint of this task's recipe ({what})"
        ) from error
    predictions = read_predictions(folder, task, task.evaluate_split, fold)
    test = predictions.score(task)
    dev = best if task.metric == "wer" else 100.0 * best
    if task.metric == "accuracy":
        _check_against_log(folder, task, step, best, test)
    return Outcome(
        dev=dev,
        test=test,
        step=step,
        total_steps=total_steps,
        utterances=len(predictions.utterances),
        truth_sha256=predictions.truth_sha256,
    )


def _check_against_log(folder: Path, task: Task, step: int, best: float, test: float) -> None:
    scores = logged_scores(folder)
    on_dev = [value for split, at, value in scores if split == task.dev_split and at == step]
    if not on_dev or abs(on_dev[-1] - best) > 1e-6:
        raise ArtifactError(
            f"{folder / 'log.log'}: no dev score {best:.6f} at step {step}, where {task.best_checkpoint} was saved"
        )
    on_test = [(at, value) for split, at, value in scores if split == task.evaluate_split]
    if not on_test or on_test[-1][0] != EVALUATED_ALONE:
        raise ArtifactError(
            f"{folder}: the last test evaluation is not that of {task.best_checkpoint}; evaluate it with -m evaluate"
        )
    if abs(100.0 * on_test[-1][1] - test) > 1e-3:
        raise ArtifactError(
            f"{folder}: the predictions give {test:.4f}, s3prl's log {100.0 * on_test[-1][1]:.4f}; files are mixed"
        )
