"""What the trade-off figure draws: every upstream's measures with their intervals, any two of which make its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..budget import BYTES
from ..results.leaderboard import Entry
from ..results.published import PublishedRow, four_task_score
from ..results.tables import tasks_of
from ..tasks.table import TASKS
from ..upstreams.profile import Profile, Timing


@dataclass(frozen=True)
class Measure:
    """One axis.

    Attributes:
        key: of a point's values.
        title: with its unit.
        higher_is_better: its direction.
        bars: what its interval is; empty where it has none.
    """

    key: str
    title: str
    higher_is_better: bool
    bars: str = ""


def trade_off(
    entries: Sequence[Entry], profiles: Sequence[Profile], published: Sequence[PublishedRow]
) -> dict[str, Any] | None:
    """The measures, and a point an upstream with those it has: key -> [value, low, high].

    Returns:
        None where there are fewer than two upstreams. Rows made of several upstreams appear as those.
    """
    entries = [entry for entry in entries if entry.is_one_upstream]
    if len(entries) < 2:
        return None
    timings = {profile.upstream: _shortest(profile) for profile in profiles}
    points = [_measured(entry, timings) for entry in entries]
    points += [_published(row) for row in published]
    measures = [
        measure
        for measure in _measures(entries, timings)
        if sum(measure.key in point["values"] for point in points if point["kind"] != "published") > 1
    ]
    across = ("params",) if published else ("macs", "params")
    return {
        "measures": [vars(measure) for measure in measures],
        "points": points,
        "x": next((key for key in across if any(measure.key == key for measure in measures)), measures[0].key),
        "y": next((m.key for m in measures if m.key.startswith("task.")), measures[-1].key),
    }


def _measures(entries: Sequence[Entry], timings: dict[str, Timing]) -> list[Measure]:
    found = []
    for task in tasks_of(entries):
        metric = "accuracy" if task.higher_is_better else "word error rate"
        found.append(
            Measure(
                f"task.{task.name}", f"{task.title}: test {metric}, %", task.higher_is_better, "one s.d. over seeds"
            )
        )
    found.append(Measure("score", "4-task score", True))
    found.append(Measure("params", "parameters, M", False))
    length = next((entry.macs_seconds for entry in entries if entry.macs_seconds), None)
    if length:
        found.append(Measure("macs", f"GMACs for {length:g} s of audio", False))
    if timings:
        one = next(iter(timings.values()))
        what = f"latency of {one.seconds:g} s x {one.batch}, ms"
        found.append(Measure("latency", what, False, "quartiles of the timed passes"))
    found.append(Measure("size", "weights as float32, MB", False))
    return found


def _shortest(profile: Profile) -> Timing:
    """The timing that the real-time factor is of: at the MACs' length, the smallest batch."""
    alike = [timing for timing in profile.timings if timing.seconds == profile.macs_seconds] or list(profile.timings)
    return min(alike, key=lambda timing: timing.batch)


def _measured(entry: Entry, timings: dict[str, Timing]) -> dict[str, Any]:
    values: dict[str, list[float]] = {}
    for task, score in entry.scores.items():
        spread = score.sd or 0.0
        values[f"task.{task}"] = [score.mean, score.mean - spread, score.mean + spread]
    values |= {"params": [entry.params / 1e6], "size": [entry.params * BYTES / 1e6]}
    if entry.macs is not None:
        values["macs"] = [entry.macs / 1e9]
    if entry.four_task_score is not None:
        values["score"] = [entry.four_task_score]
    upstream = next(iter(entry.scores.values())).upstream
    if entry.macs is not None and upstream in timings:
        timing = timings[upstream]
        values["latency"] = [1e3 * seconds for seconds in (timing.latency_s, *timing.quartiles_s)]
    kind = "whole" if entry.is_whole else "cut"
    return {"name": entry.name, "label": _short(entry), "kind": kind, "values": values}


def _short(entry: Entry) -> str:
    """A cut by its depth, with its own name if a config gave it one."""
    suffix = entry.name.removeprefix(f"{entry.base}_convexpruned_")
    depth = f"L{entry.layers}"
    return entry.name if entry.is_whole else depth if suffix == depth else f"{suffix} ({depth})"


def _published(row: PublishedRow) -> dict[str, Any]:
    """Its MACs are of other files than ours, so it has none here."""
    values = {f"task.{task}": [row.scores[task]] for task in TASKS if task in row.scores}
    score = four_task_score(row.scores)
    if score is not None:
        values["score"] = [score]
    if row.params_m:
        values |= {"params": [row.params_m], "size": [row.params_m * BYTES]}
    return {"name": row.upstream, "label": row.upstream, "kind": "published", "values": values}
