"""The comparison: a row an upstream, a column a task, cost beside accuracy, and how sure each difference is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import ArtifactError, ConfigError, nearest
from ..tasks.table import TASKS, get_task
from ..upstreams.profile import Profile, one_machine
from .bootstrap import Difference, paired_difference
from .predictions import read_predictions
from .published import four_task_score
from .reading import collect, each_once, read_results
from .result import Result, table_name
from .summary import TaskScore, task_scores
from .training import other_training


@dataclass
class Entry:
    """One row of the table.

    Attributes:
        name: what the table calls it.
        scores: task -> score.
        base: the whole upstream that it is a cut of, or its own name; None where its parts are cuts of several.
        task_specific: whether a task's labels chose a depth of it.
        params: parameters; the deepest upstream of the row counts (SUPERB's rule).
        layers: transformer layers of the deepest.
        macs: MACs of the deepest, for one utterance of the profile's length; None without a profile.
        rtf: real-time factor of the deepest, from the profile.
        macs_seconds: that length.
        differences: task -> difference to the whole upstream.
        ranks: task -> 1 or 2 for the best and second best measured row.
        remarks: what keeps a difference from being computed.
    """

    name: str
    scores: dict[str, TaskScore]
    base: str | None
    task_specific: bool
    params: int
    layers: int
    macs: int | None = None
    rtf: float | None = None
    macs_seconds: float | None = None
    differences: dict[str, Difference] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether this is the upstream that others are cuts of."""
        return self.name == self.base

    @property
    def is_one_upstream(self) -> bool:
        """Whether one upstream serves every task of the row."""
        return len({score.name for score in self.scores.values()}) == 1

    @property
    def follows_protocol(self) -> bool:
        """Whether every number is made as the published ones are."""
        return not any(score.notes for score in self.scores.values())

    @property
    def four_task_score(self) -> float | None:
        """`published.four_task_score`, for a row whose numbers are made as the published ones."""
        means = {task: score.mean for task, score in self.scores.items()}
        return four_task_score(means) if self.follows_protocol else None


def load_rows(sources: Iterable[str | Path]) -> list[Result]:
    """The results of experiment folders and `results.json` files, each with a ``folder`` that can be opened from here.

    Raises:
        ArtifactError: a source cannot be read, or two have a result for one cell.
    """
    sources = list(sources)
    rows: list[Result] = []
    for source in map(Path, sources):
        if source.is_dir():
            rows += collect([source])
        elif source.exists():
            rows += [replace(row, folder=str(source.parent / row.folder)) for row in read_results(source)]
        else:
            raise ArtifactError(f"{source}: no such experiment folder or results file")
    each_once(rows)
    if not rows:
        raise ArtifactError("no finished cell in " + ", ".join(map(str, sources)))
    return rows


def make_leaderboard(
    rows: Sequence[Result],
    *,
    profiles: Sequence[Profile] = (),
    systems: Mapping[str, Mapping[str, str]] | None = None,
    wholes: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Build the table's measured rows, in the order: whole upstreams, then by parameters, most first.

    Args:
        rows: cells, as `load_rows` gives them.
        profiles: cost an upstream, all measured on one machine.
        systems: rows made of several upstreams, one a task: name -> {task: upstream}.
        wholes: upstream -> the whole one that it is a cut of, where the two are configs of one entry of the hub.

    Raises:
        ArtifactError: cells do not belong together, or profiles do not.
        ConfigError: a system names an upstream or task without results, or has the name of an upstream here.
    """
    scored = task_scores(rows)
    entries = [_entry(name, scores, wholes or {}) for name, scores in scored.items()]
    taken = {*scored, *(entry.base for entry in entries)}
    for name, parts in (systems or {}).items():
        if name in taken:
            raise ConfigError(f"system {name!r}: an upstream of this table has that name; expected another")
        entries.append(_entry(name, _parts(name, parts, scored), wholes or {}))
    one_machine(profiles)
    costs = {profile.upstream: profile for profile in profiles}
    for entry in entries:
        _add_cost(entry, costs)
        whole = scored.get(entry.base or "")
        if whole and not entry.is_whole:
            _add_differences(entry, whole)
    _add_ranks(entries)
    return sorted(entries, key=lambda entry: (not entry.is_whole, -entry.params, entry.name))


def _parts(name: str, parts: Mapping[str, str], scored: Mapping[str, Mapping[str, TaskScore]]) -> dict[str, TaskScore]:
    scores = {}
    for task, upstream in parts.items():
        get_task(task)
        if task not in scored.get(upstream, {}):
            have = [other for other, found in scored.items() if task in found]
            raise ConfigError(f"{name}: no {task} result of upstream {upstream!r}{nearest(upstream, have)}")
        scores[task] = scored[upstream][task]
    return {task: scores[task] for task in TASKS if task in scores}


def _entry(name: str, scores: dict[str, TaskScore], wholes: Mapping[str, str]) -> Entry:
    deepest = max(scores.values(), key=lambda score: score.params)
    rows = [score.rows[0] for score in scores.values()]
    depths = [row.provenance.depth for row in rows]
    known = {row.upstream: table_name(wholes[row.upstream], row.how) for row in rows if row.upstream in wholes}
    bases = {known.get(row.upstream, row.base) for row in rows}
    entry = Entry(
        name=name,
        scores=scores,
        base=bases.pop() if len(bases) == 1 else None,
        task_specific=any(depth is not None and depth.task for depth in depths),
        params=deepest.params,
        layers=deepest.layers,
    )
    entry.task_specific |= not entry.is_one_upstream
    return entry


def _add_cost(entry: Entry, costs: Mapping[str, Profile]) -> None:
    deepest = max(entry.scores.values(), key=lambda score: score.params)
    profile = costs.get(deepest.upstream)
    if profile is None:
        return
    if profile.params != entry.params:
        if deepest.how == "finetuned":
            return  # a recipe may cut what it trains
        raise ArtifactError(
            f"{deepest.upstream}: the profile counts {profile.params:,} parameters, the results {entry.params:,}; "
            "they are of different upstreams"
        )
    entry.macs, entry.macs_seconds, entry.rtf = profile.macs, profile.macs_seconds, profile.rtf


def _add_differences(entry: Entry, whole: Mapping[str, TaskScore]) -> None:
    for task, score in entry.scores.items():
        if task in whole:
            why = other_training(get_task(task), score.rows, whole[task].rows)
            try:
                if why is None:
                    entry.differences[task] = compare(score, whole[task])
            except ArtifactError as error:
                why = str(error)
            if why is not None:
                entry.remarks.append(f"{get_task(task).title}: no difference to {whole[task].name}: {why}")


def compare(score: TaskScore, reference: TaskScore) -> Difference:
    """An upstream against another on one task, by the predictions of the seeds that both have.

    Raises:
        ArtifactError: the two were not tested on the same utterances, or predictions are missing.
    """
    if score.folds != reference.folds:
        raise ArtifactError("they were run on other folds")
    seeds = sorted(set(score.seeds) & set(reference.seeds))
    if not seeds:
        raise ArtifactError("they have no seed in common")
    task = get_task(score.task)
    errors, reference_errors, units = [], [], []
    for fold in score.folds or (None,):
        ours, truth, counts = _errors(score, seeds, fold)
        theirs, reference_truth, _ = _errors(reference, seeds, fold)
        if truth != reference_truth:
            raise ArtifactError("they were tested on other utterances")
        errors.append(ours)
        reference_errors.append(theirs)
        units.append(counts)
    return paired_difference(errors, reference_errors, units, task.higher_is_better)


def _errors(score: TaskScore, seeds: Sequence[int], fold: str | None) -> tuple[np.ndarray, str, np.ndarray]:
    task = get_task(score.task)
    found = [
        read_predictions(row.folder, task, task.evaluate_split, fold)
        for row in score.rows
        if row.fold == fold and row.seed in seeds
    ]
    if len({predictions.truth_sha256 for predictions in found}) != 1:
        raise ArtifactError(f"the seeds of {score.name} were tested on different utterances")
    return (np.mean([predictions.errors for predictions in found], axis=0), found[0].truth_sha256, found[0].units)


def _add_ranks(entries: Sequence[Entry]) -> None:
    for name, task in TASKS.items():
        means = sorted({e.scores[name].mean for e in entries if name in e.scores}, reverse=task.higher_is_better)
        if len(means) < 2:
            continue
        for entry in entries:
            if name in entry.scores and entry.scores[name].mean in means[:2]:
                entry.ranks[name] = means.index(entry.scores[name].mean) + 1
