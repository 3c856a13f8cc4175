"""What the grid says about each rule: its accuracy, its regret against the best depth, and its rank among all."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Scores = Mapping[str, Mapping[int, float]]  # upstream -> seed -> test accuracy


def verdicts(
    depths: Mapping[int, str], rules: Mapping[str, int], others: Sequence[str], scores: Scores
) -> list[dict]:
    """One row a rule.

    The regret of a depth, in one seed, is the accuracy of that seed's best depth less its own. The best is looked up
    on the test set itself, so every rule pays for that look; the expectation of a random depth is the yardstick.

    Args:
        depths: depth -> upstream, every depth from 1 to the whole one.
        rules: rule -> the depth it chose.
        others: upstreams that are not a cut at the top, at the budget of convexity's choice.
        scores: the grid's test accuracies.
    """
    seeds = sorted(set.intersection(*(set(scores[name]) for name in [*depths.values(), *others])))
    best = {seed: max(scores[name][seed] for name in depths.values()) for seed in seeds}
    means = {depth: statistics.fmean(scores[name][seed] for seed in seeds) for depth, name in depths.items()}

    def row(rule: str, depth: int | None, accuracy: Mapping[int, float]) -> dict[str, Any]:
        mean = statistics.fmean(accuracy.values())
        regrets = [best[seed] - accuracy[seed] for seed in seeds]
        return {
            "rule": rule,
            "depth": depth,
            "accuracy": mean,
            "accuracy_sd": statistics.stdev(accuracy.values()) if len(seeds) > 1 else None,
            "regret": statistics.fmean(regrets),
            "regret_sd": statistics.stdev(regrets) if len(seeds) > 1 else None,
            "rank": 1 + sum(other > mean for other in means.values()),
        }

    rows = [row(rule, depth, scores[depths[depth]]) for rule, depth in rules.items()]
    whole = max(depths)
    rows.append(row("whole", whole, scores[depths[whole]]))
    rows += [row(name, None, scores[name]) for name in others]
    expected = {seed: statistics.fmean(scores[name][seed] for name in depths.values()) for seed in seeds}
    rows.append(row("random depth (expected)", None, expected))
    return rows


def table(task: str, rows: Sequence[Mapping[str, Any]], depths: int) -> str:
    """The rows as Markdown, least regret first."""

    def with_sd(mean: float, sd: float | None) -> str:
        return f"{mean:.2f}" if sd is None else f"{mean:.2f} ± {sd:.2f}"

    lines = [
        f"| {task}: rule | depth | accuracy % | regret | rank among {depths} depths |",
        "| - | - | - | - | - |",
    ]
    for row in sorted(rows, key=lambda row: row["regret"]):
        depth = "–" if row["depth"] is None else f"L{row['depth']}"
        accuracy = with_sd(row["accuracy"], row["accuracy_sd"])
        regret = with_sd(row["regret"], row["regret_sd"])
        lines.append(f"| {row['rule']} | {depth} | {accuracy} | {regret} | {row['rank']} |")
    return "\n".join(lines)
