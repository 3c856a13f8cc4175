"""From cells to a task's number: the learning rate chosen on dev, folds averaged, spread over seeds."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import ArtifactError
from ..tasks.table import TASKS, Task, get_task
from .result import How, Result, table_name
from .training import departures


@dataclass(frozen=True)
class TaskScore:
    """An upstream's number on a task.

    Attributes:
        task: key of `TASKS`.
        upstream: the upstream that was scored, by its name on the hub.
        how: whether it was frozen or fine-tuned.
        mean: test metric in percent, mean over seeds (of the mean over folds).
        sd: its standard deviation over seeds; None with one seed.
        dev: dev metric at the chosen learning rate, same averages.
        lr: the learning rate, chosen on dev among `tried`.
        tried: all learning rates with the same seeds and folds.
        seeds: the seeds averaged.
        folds: the folds averaged.
        layers: transformer layers of the upstream.
        params: its parameters.
        utterances: test utterances, folds added up.
        rows: the cells behind the number.
        notes: why the number is not the benchmark's, if it is not.
    """

    task: str
    upstream: str
    how: How
    mean: float
    sd: float | None
    dev: float
    lr: float
    tried: tuple[float, ...]
    seeds: tuple[int, ...]
    folds: tuple[str, ...]
    layers: int
    params: int
    utterances: int
    rows: tuple[Result, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tables call the upstream."""
        return table_name(self.upstream, self.how)


def task_scores(rows: Iterable[Result]) -> dict[str, dict[str, TaskScore]]:
    """Every upstream's number on every task it was run on: name in tables -> task -> score.

    Raises:
        ArtifactError: cells of one upstream and task do not belong together.
    """
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for row in rows:
        groups[row.name, row.task].append(row)
    scores: dict[str, dict[str, TaskScore]] = defaultdict(dict)
    for (name, task), cells in groups.items():
        scores[name][task] = score_task(cells)
    return {name: {task: found[task] for task in TASKS if task in found} for name, found in scores.items()}


def score_task(rows: Sequence[Result]) -> TaskScore:
    """The number from all cells of one upstream on one task; see `task_scores`."""
    task = get_task(rows[0].task)
    by_lr: dict[float, list[Result]] = defaultdict(list)
    for row in rows:
        by_lr[row.lr].append(row)
    cells_of = {lr: frozenset((row.seed, row.fold) for row in by_lr[lr]) for lr in sorted(by_lr)}
    alike = Counter(cells_of.values())
    most = max(alike, key=lambda cells: (len(cells), alike[cells]))  # the smaller rate's of two equals
    complete = {lr: by_lr[lr] for lr, cells in cells_of.items() if cells == most}
    lr = _best_on_dev(task, complete)
    chosen = complete[lr]
    per_seed: dict[int, dict[str | None, Result]] = defaultdict(dict)
    for row in chosen:
        per_seed[row.seed][row.fold] = row
    folds = {fold for cells in per_seed.values() for fold in cells}
    whole = {seed: cells for seed, cells in sorted(per_seed.items()) if set(cells) == folds}
    if not whole:
        raise ArtifactError(f"{rows[0].name} {task.name}: no seed has all of {sorted(map(str, folds))}")
    where = f"{rows[0].name} {task.name}: its cells"
    for key in ("layers", "params", "total_steps"):
        if len({getattr(row, key) for row in chosen}) > 1:
            raise ArtifactError(f"{where} differ in {key}; they are not one upstream's")
    if len({row.provenance.upstream_sha256 for row in chosen}) > 1:
        raise ArtifactError(f"{where} differ in their weights; they are not one upstream's")
    if len({(row.fold, row.truth_sha256) for row in chosen}) > len(folds):
        raise ArtifactError(f"{where} were not scored on one test set")
    tests = [statistics.fmean(row.test for row in cells.values()) for cells in whole.values()]
    first = next(iter(whole.values()))
    used = tuple(cells[fold] for cells in whole.values() for fold in sorted(cells, key=str))
    utterances = sum(row.utterances for row in first.values())
    fold_names = tuple(sorted(fold for fold in folds if fold))
    return TaskScore(
        task=task.name,
        upstream=chosen[0].upstream,
        how=chosen[0].how,
        mean=statistics.fmean(tests),
        sd=statistics.stdev(tests) if len(tests) > 1 else None,
        dev=statistics.fmean(row.dev for row in used),
        lr=lr,
        tried=tuple(complete),
        seeds=tuple(whole),
        folds=fold_names,
        layers=used[0].layers,
        params=used[0].params,
        utterances=utterances,
        rows=used,
        notes=tuple(_departures(task, fold_names, used, utterances)),
    )


def _best_on_dev(task: Task, by_lr: dict[float, list[Result]]) -> float:
    """The learning rate with the best mean dev score; the smaller one of two equals."""
    means = {lr: statistics.fmean(row.dev for row in cells) for lr, cells in by_lr.items()}
    best = next(iter(means))
    for lr, mean in means.items():
        if task.better(mean, means[best]):
            best = lr
    return best


def _departures(task: Task, folds: Sequence[str], rows: Sequence[Result], utterances: int) -> Iterable[str]:
    if rows[0].how == "finetuned":
        yield "the upstream was fine-tuned"
    else:
        yield from departures(task, rows)
    if task.folds and tuple(folds) != task.folds:
        yield f"{len(folds)} of {len(task.folds)} folds"
    steps, published = rows[0].total_steps, task.published
    if steps != published.steps:
        yield f"{steps:,} of {published.steps:,} steps"
    if utterances != published.utterances and (not task.folds or tuple(folds) == task.folds):
        yield f"{utterances:,} test utterances, {published.corpus} has {published.utterances:,}"
