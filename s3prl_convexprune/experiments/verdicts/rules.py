"""What came of each rule: accuracy, regret against the best depth, and the difference to the whole upstream.

The best depth is looked up on the test set itself, in every resample anew, so every rule pays for that look, and a
regret is larger than what another test set would show; the expectation of a random depth is the yardstick.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...markdown import escape
from ...markdown import table as markdown_table
from .resampling import Interval, Scores

RANDOM = "a random depth (expected)"


@dataclass(frozen=True)
class Verdict:
    """What came of a rule.

    Attributes:
        rule: its title.
        kept: what it chose, for people; empty for the random depth.
        accuracy: its score, in the task's metric.
        regret: what it gives up against the best depth, in points; of an error rate too, more is worse.
        gap: its score less the whole upstream's, in the task's metric; None for the whole upstream itself.
        rank: among all depths, 1 for the best.
    """

    rule: str
    kept: str
    accuracy: Interval
    regret: Interval
    gap: Interval | None
    rank: int


def verdicts(depths: Mapping[int, str], rules: Mapping[str, tuple[str, str]], scores: Scores) -> list[Verdict]:
    """One row a rule, and one for a random depth; least regret first.

    Args:
        depths: depth -> upstream, every depth from 1 to the whole one.
        rules: rule -> the upstream that it chose, and what that keeps, for people.
        scores: of all of them.
    """
    every, whole = scores.at(*depths.values()), scores.at(depths[max(depths)])[0]

    def row(rule: str, kept: str, columns: list[int]) -> Verdict:
        return Verdict(
            rule=rule,
            kept=kept,
            accuracy=scores.score(lambda s: s[..., columns].mean(axis=-1)),
            regret=scores.interval(
                lambda s: s[..., every].max(axis=-1) - s[..., columns].mean(axis=-1),
                lowest=0.0 if set(columns) <= set(every) else -math.inf,
            ),
            gap=None
            if columns == [whole]
            else scores.difference(lambda s: s[..., columns].mean(axis=-1) - s[..., whole]),
            rank=1 + int(np.sum(scores.value[every] > scores.value[columns].mean())),
        )

    rows = [row(rule, kept, scores.at(name)) for rule, (name, kept) in rules.items()]
    return sorted([*rows, row(RANDOM, "", every)], key=lambda row: row.regret.value)


def table(title: str, rows: Sequence[Verdict], depths: int, margin: float) -> list[str]:
    """The rows as Markdown.

    Args:
        title: of the first column.
        rows: as `verdicts` orders them.
        depths: how many there are.
        margin: points within which two scores count as equal, stated before they were measured.
    """
    columns = [f"{escape(title)}: rule", "keeps", "score % [95 %]", "regret [95 %]", f"rank among {depths} depths"]
    columns += ["to the whole [95 %]", f"margin {margin:g}"]
    cells = [
        [
            escape(row.rule),
            row.kept or "–",
            str(row.accuracy),
            str(row.regret),
            str(row.rank),
            *(("–", "–") if row.gap is None else (row.gap.signed, row.gap.against(margin))),
        ]
        for row in rows
    ]
    return markdown_table(columns, cells)
