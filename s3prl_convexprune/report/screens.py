"""What the figures of predicted accuracy draw: a screen's depths with their intervals, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..analysis.screen import Screen, screen_path
from ..artifact import Analysis
from ..errors import ArtifactError
from ..results.leaderboard import Entry
from ..tasks.table import TASKS
from .decision import MARGIN


def screens_beside(analyses: Iterable[str | Path]) -> list[Screen]:
    """The screens of these analyses that `screen` left beside them.

    Raises:
        ArtifactError: a screen is damaged, or of another analysis than the one that it stands beside.
    """
    found = []
    for path in analyses:
        beside = screen_path(path)
        if beside.is_file():
            screen = Screen.read(beside)
            if screen.analysis_key != Analysis.read(path).settings.key:
                raise ArtifactError(f"{beside}: is of another analysis than {path}; run 'screen {path}' again")
            found.append(screen)
    return found


def predicted(screen: Screen, entries: Sequence[Entry], weights: str | None = None) -> dict[str, Any]:
    """One figure: every depth's prediction, the shallowest depth that is not worse, and what the board measured.

    Args:
        screen: the prediction.
        entries: the board; rows of the screen's upstream on a task of its label are drawn beside it.
        weights: hash of the screen's upstream's weights, by which it is found under a study's name for a checkpoint.
    """
    wholes = _wholes(screen, entries, weights)
    tasks = [task for task in TASKS.values() if task.label == screen.label and task.higher_is_better]
    measured = [
        {"layer": entry.layers, "value": score.mean, "name": f"{task.title}, {entry.name}"}
        for task in tasks
        for entry in entries
        if entry.layers
        and _is_of(entry, wholes, screen.rows[-1].depth)
        and (score := entry.scores.get(task.name)) is not None
    ]
    fits = screen.non_inferior(MARGIN)
    whole = screen.rows[-1].depth
    return {
        "title": f"{screen.label}: {screen.upstream}",
        "rows": [
            {
                "layer": row.depth,
                "value": row.accuracy,
                "low": row.low,
                "high": row.high,
                "gap": f"{row.difference:+.2f} [{row.difference_low:+.2f}, {row.difference_high:+.2f}]",
                "heaviest": max(range(len(row.weights)), key=row.weights.__getitem__),
            }
            for row in screen.rows
        ],
        "measured": sorted(measured, key=lambda point: (point["name"].partition(",")[0], point["layer"])),
        "chosen": fits.depth,
        "said": f"Shallowest depth predicted not worse than all {whole} layers by more than {MARGIN:g} point: "
        f"{'none but the whole' if fits.depth == whole else f'layer {fits.depth}'}. "
        f"{screen.folds} folds, no {screen.group} in two of {screen.groups}.",
    }


def _wholes(screen: Screen, entries: Sequence[Entry], weights: str | None) -> set[str]:
    """What boards call the screen's upstream."""
    wholes = {screen.upstream}
    for entry in entries:
        own = [row for score in entry.scores.values() if score.how == "frozen" for row in score.rows]
        if any(row.name == entry.name and row.provenance.upstream_sha256 == weights for row in own):
            wholes.add(entry.name)
    return wholes


def _is_of(entry: Entry, wholes: set[str], of: int) -> bool:
    """Whether a row is one of these upstreams or its cut at the top, by the names that the hub and studies give."""
    whole, cut, depth = entry.name.partition("_convexpruned_")
    return whole in wholes and (not cut or depth in (f"L{entry.layers}", f"{entry.layers}_of_{of}"))
