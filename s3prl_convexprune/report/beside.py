"""Two boards beside each other: what both have scored, the second less the first."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ArtifactError
from ..results.leaderboard import compare
from ..results.result import Result
from ..results.summary import task_scores
from ..results.tables import heading, spread
from ..results.training import other_training
from ..tasks.table import TASKS


def table(rows: Sequence[Result], other: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a task of an upstream that either board has, both numbers, and their paired difference.

    Where the two were not tested on the same utterances, the last cell says so instead; where they were trained
    otherwise, which may be what the boards are compared for, beside the difference.
    """
    here, there = task_scores(rows), task_scores(other)
    lines = []
    for task in TASKS.values():
        for name in dict.fromkeys([*here, *there]):
            ours, theirs = (board.get(name, {}).get(task.name) for board in (here, there))
            if ours is None and theirs is None:
                continue
            said = "only in one"
            if ours and theirs:
                try:
                    gap = compare(theirs, ours)
                    said = f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]" + (
                        "" if gap.shown else " not told apart"
                    )
                    why = other_training(task, theirs.rows, ours.rows)
                    said += f"; {why}" if why else ""
                except ArtifactError as error:
                    said = str(error)
            numbers = ["–" if score is None else spread(score.mean, score.sd) for score in (ours, theirs)]
            lines.append([name, heading(task), *numbers, said])
    return ["Upstream", "Task", "this board", "the other", "other less this [95 %]"], lines
