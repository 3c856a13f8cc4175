"""The per-utterance predictions that s3prl's recipes leave in an experiment folder, and the score they add up to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ArtifactError, InstallationError
from ..tasks.table import Task


@dataclass(frozen=True)
class Predictions:
    """One evaluation, utterance by utterance.

    Attributes:
        utterances: ids in the order of the test set.
        errors: ``[U]``; wrong (1) or right (0), or the word errors of the utterance.
        units: ``[U]``; ones, or the words of the reference.
        truth_sha256: hash of ids and references: two evaluations with the same one saw the same test set.
    """

    utterances: tuple[str, ...]
    errors: np.ndarray
    units: np.ndarray
    truth_sha256: str

    def score(self, task: Task) -> float:
        """The task's metric, in percent."""
        error_rate = 100.0 * float(self.errors.sum()) / float(self.units.sum())
        return 100.0 - error_rate if task.higher_is_better else error_rate


def read_predictions(folder: str | Path, task: Task, split: str, fold: str | None = None) -> Predictions:
    """Read what a task's recipe wrote for one split.

    Args:
        folder: the experiment folder.
        task: the task.
        split: s3prl's name of the split, as in the files' names.
        fold: s3prl's name of the fold, for a task that has folds.

    Raises:
        ArtifactError: a file is missing or empty, or the two files are not about the same utterances.
    """
    predicted = Path(folder) / task.predictions.format(split=split, fold=fold)
    truth = Path(folder) / task.truths.format(split=split, fold=fold)
    answers, references = (_read(path, task) for path in (predicted, truth))
    if [name for name, _ in answers] != [name for name, _ in references]:
        raise ArtifactError(
            f"{predicted}: not the utterances of {truth.name}, line by line; the folder is half-written or mixed"
        )
    errors, units = [], []
    for (_, answer), (_, reference) in zip(answers, references, strict=False):
        wrong, count = _compare(answer, reference, task)
        errors.append(wrong)
        units.append(count)
    if not sum(units):
        raise ArtifactError(f"{truth}: no reference word in the whole file")
    digest = hashlib.sha256("\n".join(f"{name} {value}" for name, value in references).encode()).hexdigest()
    return Predictions(
        tuple(name for name, _ in references), np.asarray(errors, float), np.asarray(units, float), digest
    )


def _read(path: Path, task: Task) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}; the cell has no finished evaluation") from error
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}: is not a text file") from error
    if not lines:
        raise ArtifactError(f"{path}: is empty; the cell has no finished evaluation")
    if task.metric == "wer":
        return [_pair(line.partition(" ")) for line in lines]
    return [_pair(line.rpartition(" ")) for line in lines]


def _pair(parts: tuple[str, str, str]) -> tuple[str, str]:
    return parts[0], parts[2].strip()


def _compare(answer: str, reference: str, task: Task) -> tuple[float, float]:
    if task.metric == "wer":
        words = reference.split()
        return word_errors(answer.split(), words), len(words)
    return float(answer != reference), 1.0


def word_errors(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Substitutions, insertions and deletions of the best alignment (s3prl's own library does the counting).

    >>> word_errors("the cat sat".split(), "a cat sat down".split())
    2
    """
    try:
        import editdistance
    except ImportError:
        raise InstallationError("counting word errors needs editdistance: pip install editdistance") from None

    return int(editdistance.eval(list(hypothesis), list(reference)))
