"""The demo's answer in a few lines: what was cut, what it saved, and whether accuracy stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..superb.leaderboard import Entry
from ..superb.tables import spread
from ..superb.tasks import TASKS


def comparison(entries: Sequence[Entry], whole: str, cuts: Mapping[str, str]) -> list[str]:
    """A table with a line a task, as aligned text.

    Args:
        entries: the leaderboard.
        whole: the whole upstream's name.
        cuts: task -> name of its cut.
    """
    by_name = {entry.name: entry for entry in entries}
    rows = [
        [
            "task",
            "layers",
            "whole acc %",
            "cut acc %",
            "difference [95 %]",
            "M params",
            "GMACs",
            "real-time factor",
        ]
    ]
    for task, name in cuts.items():
        full, cut = by_name[whole], by_name[name]
        before, after, gap = full.scores[task], cut.scores[task], cut.differences[task]
        rows.append(
            [
                TASKS[task].title,
                f"{cut.layers} of {full.layers}",
                spread(before.mean, before.sd),
                spread(after.mean, after.sd),
                f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]",
                f"{full.params / 1e6:.2f} -> {cut.params / 1e6:.2f}",
                f"{(full.macs or 0) / 1e9:.3f} -> {(cut.macs or 0) / 1e9:.3f}",
                f"{full.rtf or 0:.4f} -> {cut.rtf or 0:.4f}",
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def verdicts(entries: Sequence[Entry], cuts: Mapping[str, str]) -> list[str]:
    """For each task one sentence that says no more than its interval does."""
    by_name = {entry.name: entry for entry in entries}
    sentences = []
    for task, name in cuts.items():
        cut = by_name[name]
        gap, title = cut.differences[task], TASKS[task].title
        interval = f"{gap.value:+.2f} points, 95 % interval {gap.low:+.2f} to {gap.high:+.2f}"
        if gap.low > 0:
            outcome = f"scores higher than the whole model ({interval})"
        elif gap.high < 0:
            outcome = f"loses accuracy ({interval})"
        else:
            outcome = f"cannot be told from the whole model ({interval})"
        sentences.append(f"{title}: the cut to {cut.layers} layer{'s' * (cut.layers != 1)} {outcome}.")
    return sentences
