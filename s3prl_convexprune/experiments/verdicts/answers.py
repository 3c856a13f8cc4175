"""What several upstreams answered to one test set, seed by seed and speaker by speaker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...convexity.groups import FEWEST
from ...errors import ArtifactError
from ...results.predictions import Predictions, read_predictions
from ...results.summary import TaskScore
from ...tasks.table import get_task
from ...tasks.task import Task


@dataclass(frozen=True)
class Answers:
    """Errors of several upstreams on the same utterances.

    Attributes:
        names: the upstreams.
        errors: ``[upstreams, seeds, groups]``, summed over a group's utterances.
        units: ``[groups]``: what they are counted in; an error rate is the ratio of the two sums.
        higher_is_better: whether the metric is an accuracy.
        kind: what a group is: ``folds``, ``speakers``, or ``utterances`` where there are too few speakers.
        speakers: how many speakers the utterances' names tell apart; 0 where they do not.
    """

    names: tuple[str, ...]
    errors: np.ndarray
    units: np.ndarray
    higher_is_better: bool
    kind: str
    speakers: int

    @property
    def counted(self) -> str:
        """What the intervals count, for people."""
        n_seeds, n_groups = self.errors.shape[1:]
        seeds = "1 seed, so not over seeds" if n_seeds == 1 else f"{n_seeds} seeds"
        if self.kind != "utterances" or not self.speakers:
            return f"{n_groups} {self.kind} and {seeds}"
        few = f"{self.speakers} speaker" + ("s are" if self.speakers > 1 else " is")
        return f"{n_groups} utterances and {seeds}; {few} too few to draw, so nothing is said about others"


def read_answers(scores: Mapping[str, TaskScore]) -> Answers:
    """The answers behind several upstreams' numbers on one task, at the learning rate that each chose on dev.

    A fold is one group: its speakers were answered by one head, and the task's number is the mean of the folds.

    Args:
        scores: upstream -> its number.

    Raises:
        ArtifactError: they have no seed in common, or were tested on other folds or utterances.
    """
    first = next(iter(scores.values()))
    task = get_task(first.task)
    seeds = sorted(set.intersection(*(set(score.seeds) for score in scores.values())))
    if not seeds:
        raise ArtifactError(f"{task.title}: the upstreams have no seed in common")
    if len({score.folds for score in scores.values()}) > 1:
        raise ArtifactError(f"{task.title}: the upstreams were run on other folds")
    folds = first.folds or (None,)
    read = {name: _by_cell(score, task) for name, score in scores.items()}
    for fold in folds:
        if len({cells[seed, fold].truth_sha256 for cells in read.values() for seed in seeds}) > 1:
            raise ArtifactError(f"{task.title}: the upstreams were tested on different utterances")
    utterances = read[first.upstream][seeds[0], folds[0]]
    whose, speakers = _groups(utterances.utterances, task)
    if first.folds:
        rates = [[[_rate(cells[seed, fold]) for fold in folds] for seed in seeds] for cells in read.values()]
        ones = np.ones(len(folds))
        return Answers(tuple(read), np.asarray(rates), ones, task.higher_is_better, "folds", speakers)
    wrong = [[np.bincount(whose, cells[seed, None].errors) for seed in seeds] for cells in read.values()]
    units = np.bincount(whose, utterances.units)
    kind = "utterances" if len(units) == len(whose) else "speakers"
    return Answers(tuple(read), np.asarray(wrong), units, task.higher_is_better, kind, speakers)


def _by_cell(score: TaskScore, task: Task) -> dict[tuple[int, str | None], Predictions]:
    return {
        (row.seed, row.fold): read_predictions(row.folder, task, task.evaluate_split, row.fold) for row in score.rows
    }


def _rate(predictions: Predictions) -> float:
    return float(predictions.errors.sum() / predictions.units.sum())


def _groups(utterances: Sequence[str], task: Task) -> tuple[np.ndarray, int]:
    """Whose each utterance is, 0 to G - 1, and how many speakers that tells apart.

    What names no speaker, such as silence, stands for itself; so does everything where the speakers are too few.
    """
    matches = [re.match(task.speaker, name) if task.speaker else None for name in utterances]
    speakers = {match[1] for match in matches if match}
    if len(speakers) < FEWEST:
        return np.arange(len(utterances)), len(speakers)
    owners = [match[1] if match else f"/{at}" for at, match in enumerate(matches)]
    return np.unique(owners, return_inverse=True)[1], len(speakers)
