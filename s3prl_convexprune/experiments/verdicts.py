"""Where each rule's depth ranks among all depths: accuracy, regret against the best depth, and rank.

The regret of a depth, in one seed, is the accuracy of that seed's best depth less its own. The best is looked up on
the test set itself, so every rule pays for that look; the expectation of a random depth is the yardstick.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..markdown import escape
from ..markdown import table as markdown_table
from ..results.result import Result
from ..results.summary import score_task
from ..tasks.table import get_task
from .cuts import Cut
from .study import Study

Scores = Mapping[str, Mapping[int, float]]  # upstream -> seed -> test score, larger is better


@dataclass(frozen=True)
class Verdict:
    """What came of a rule.

    Attributes:
        rule: its title.
        depth: what it chose; None for what is no depth.
        accuracy, accuracy_sd: mean score over seeds, and its spread; error rates with their sign turned.
        regret, regret_sd: what it gives up against each seed's best depth.
        rank: among all depths, 1 for the best.
    """

    rule: str
    depth: int | None
    accuracy: float
    accuracy_sd: float | None
    regret: float
    regret_sd: float | None
    rank: int


def tables(study: Study, chosen: Mapping[str, Sequence[Cut]], rows: Sequence[Result]) -> list[str]:
    """The verdict of every frozen evaluation that scored all depths, as lines of Markdown."""
    lines: list[str] = []
    for evaluation in study.evaluate:
        cuts = chosen[evaluation.title]
        if evaluation.how != "frozen" or not any(cut.choose.rule == "all-depths" for cut in cuts):
            continue
        scores = scores_by_seed(rows, evaluation.task)
        for base in study.bases:
            own = [cut for cut in cuts if cut.base == base]
            depths = {cut.layers: cut.name for cut in own if cut.choose.rule == "all-depths"}
            rules = {cut.choose.title: cut.name for cut in own if cut.choose.rule != "all-depths"}
            title = f"{get_task(evaluation.task).title}, {base.name}"
            lines += ["", *table(title, verdicts(depths, rules, scores), len(depths))]
    return lines


def scores_by_seed(rows: Sequence[Result], task: str) -> dict[str, dict[int, float]]:
    """Test score of each upstream and seed, folds averaged; error rates with their sign turned."""
    sign = 1 if get_task(task).higher_is_better else -1
    found: dict[str, dict[int, float]] = {}
    for name, seed in {(row.name, row.seed) for row in rows if row.task == task}:
        own = [row for row in rows if (row.name, row.task, row.seed) == (name, task, seed)]
        found.setdefault(name, {})[seed] = sign * score_task(own).mean
    return found


def verdicts(depths: Mapping[int, str], rules: Mapping[str, str], scores: Scores) -> list[Verdict]:
    """One row a rule, and one for a random depth.

    Args:
        depths: depth -> upstream, every depth from 1 to the whole one.
        rules: rule -> the upstream it chose.
        scores: test scores.
    """
    seeds = sorted(set.intersection(*(set(scores[name]) for name in [*depths.values(), *rules.values()])))
    best = {seed: max(scores[name][seed] for name in depths.values()) for seed in seeds}
    means = [statistics.fmean(scores[name][seed] for seed in seeds) for name in depths.values()]
    depth_of = {name: depth for depth, name in depths.items()}

    def row(rule: str, depth: int | None, accuracy: Mapping[int, float]) -> Verdict:
        mean = statistics.fmean(accuracy[seed] for seed in seeds)
        regrets = [best[seed] - accuracy[seed] for seed in seeds]
        return Verdict(
            rule=rule,
            depth=depth,
            accuracy=mean,
            accuracy_sd=statistics.stdev(accuracy[seed] for seed in seeds) if len(seeds) > 1 else None,
            regret=statistics.fmean(regrets),
            regret_sd=statistics.stdev(regrets) if len(seeds) > 1 else None,
            rank=1 + sum(other > mean for other in means),
        )

    rows = [row(rule, depth_of.get(name), scores[name]) for rule, name in rules.items()]
    expected = {seed: statistics.fmean(scores[name][seed] for name in depths.values()) for seed in seeds}
    return [*rows, row("a random depth (expected)", None, expected)]


def table(title: str, rows: Sequence[Verdict], depths: int) -> list[str]:
    """The rows as Markdown, least regret first."""

    def with_sd(mean: float, sd: float | None) -> str:
        return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"

    columns = [f"{escape(title)}: rule", "depth", "accuracy %", "regret", f"rank among {depths} depths"]
    cells = [
        [
            escape(row.rule),
            "–" if row.depth is None else f"L{row.depth}",
            with_sd(abs(row.accuracy), row.accuracy_sd),
            with_sd(row.regret, row.regret_sd),
            str(row.rank),
        ]
        for row in sorted(rows, key=lambda row: row.regret)
    ]
    return markdown_table(columns, cells)
