"""Finished cells as typed results: one folder's, all below a folder, and the results file that keeps them.

A result is never taken on trust where what it was made from is at hand: a cell's is held against its predictions, a
results file's rows against their cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ArtifactError
from ..tasks.table import get_task
from .outcome import logged_scores
from .predictions import read_predictions
from .result import Result, Results, Unfinished

SPEC, SETTINGS = "cell.json", "settings.json"  # what a cell is for: frozen, fine-tuned
FINISHED = "finished.json"
FAILED = "failed.json"
LOG = "run.log"


def read_cell(folder: str | Path) -> Result:
    """The result of one finished cell, its predictions read again and held against it.

    Raises:
        ArtifactError: the cell is not finished, or its files have changed since.
    """
    folder = Path(folder)
    result = Result.read(folder / FINISHED)
    if result.how == "frozen" and result.metric == "accuracy":
        logged_scores(folder)
    _check_predictions(result, folder, f"{folder}: its {FINISHED}")
    return result


def _check_predictions(result: Result, folder: Path, what: str) -> None:
    task = get_task(result.task)
    predictions = read_predictions(folder, task, task.evaluate_split, result.fold)
    if predictions.truth_sha256 != result.truth_sha256 or len(predictions.utterances) != result.utterances:
        raise ArtifactError(f"{what} is about another test set than the predictions there")
    score = predictions.score(task)
    if abs(score - result.test) > 1e-6:
        raise ArtifactError(
            f"{what} has test {result.test:.4f}, its predictions give {score:.4f}; one of them was changed"
        )


def collect(expdirs: Iterable[str | Path]) -> list[Result]:
    """The results of all finished cells below some folders; cells that are not finished are left out.

    Raises:
        ArtifactError: a folder is not there or holds no cell, a finished cell is damaged, or one cell is there twice.
    """
    results = []
    for expdir in map(Path, expdirs):
        if not expdir.is_dir():
            raise ArtifactError(f"{expdir}: no such experiment folder")
        finished = sorted(path.parent for path in expdir.rglob(FINISHED))
        if not finished and not any(any(expdir.rglob(name)) for name in (SPEC, SETTINGS)):
            raise ArtifactError(f"{expdir}: no cell below it; 's3prl-convexprune run -o {expdir}' makes them")
        results += [replace(read_cell(folder), folder=str(folder)) for folder in finished]
    return each_once(results)


def each_once(results: Sequence[Result]) -> list[Result]:
    """The results, when no two are of one cell.

    Raises:
        ArtifactError: two are; the message names both folders.
    """
    seen: dict[tuple, Result] = {}
    for result in results:
        if (other := seen.setdefault(result.key, result)) is not result:
            raise ArtifactError(f"two results for one cell ({result.title}): {other.folder} and {result.folder}")
    return list(results)


def write_results(path: str | Path, results: Sequence[Result], unfinished: Sequence[Unfinished] = ()) -> Path:
    """Write `results.json`; a file that is not one, or of a newer version, is not replaced.

    Args:
        path: the file.
        results: one finished cell a row, their folders relative to the file's.
        unfinished: what is known of the others.

    Raises:
        ArtifactError: see above.
    """
    return Results(tuple(results), tuple(unfinished)).write(path)


def read_results(path: str | Path) -> list[Result]:
    """The rows of a `results.json`, held against their cells where those are there.

    Raises:
        ArtifactError: it is missing, damaged or of another version, or a row is not what its cell says.
    """
    path = Path(path)
    results = []
    for number, row in enumerate(Results.read(path).rows):
        folder, task = path.parent / row.folder, get_task(row.task)
        if (folder / FINISHED).exists():
            cell = read_cell(folder)
            if replace(cell, folder=row.folder) != row:
                differ = [key for key, value in vars(cell).items() if value != vars(row)[key] and key != "folder"]
                raise ArtifactError(f"{path}: rows.{number}.{differ[0]} is not what {folder / FINISHED} says")
        elif (folder / task.predictions.format(split=task.evaluate_split, fold=row.fold)).exists():
            _check_predictions(row, folder, f"{path}: rows.{number}")
        results.append(row)
    return each_once(results)
