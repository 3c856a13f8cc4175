"""The answer: how deep to cut for a task, what that changes and how sure this is, what it saves.

Two upstreams that cannot be told apart are not thereby equal: an interval that holds 0 says that the test set was too
small to see a difference. Equal means here that the whole 95 % interval lies within a margin that is stated beside it,
the two one-sided tests of Schuirmann (J. Pharmacokinet. Biopharm. 15, 1987) at 2.5 % each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..results.bootstrap import Difference
from ..results.leaderboard import Entry
from ..results.tables import heading, spread
from ..tasks.table import TASKS

MARGIN = 1.0  # percentage points


@dataclass(frozen=True)
class Decision:
    """A cut of an upstream on one task, beside the whole upstream.

    Attributes:
        task: key of `TASKS`.
        base: what people call the whole upstream.
        rule: what chose the depth.
        whole: the whole upstream's row of the leaderboard.
        cut: the cut's.
        margin: percentage points within which two scores count as equal.
        analysis_key: `settings.key` of the analysis that the depth was chosen from; None where none is known.
    """

    task: str
    base: str
    rule: str
    whole: Entry
    cut: Entry
    margin: float = MARGIN
    analysis_key: str | None = None

    @property
    def difference(self) -> Difference | None:
        """To the whole upstream; None where nothing is cut, or where the two were not trained and tested alike."""
        return self.cut.differences.get(self.task)

    @property
    def layers(self) -> int:
        """How many are kept."""
        return self.cut.scores[self.task].layers

    @property
    def of(self) -> int:
        """How many the whole upstream has."""
        return self.whole.scores[self.task].layers


def sentences(decisions: Sequence[Decision]) -> list[str]:
    """One line a decision: the depth, what the interval shows and no more, what is saved."""
    several = len({decision.base for decision in decisions}) > 1
    return [_sentence(decision, several) for decision in decisions]


def _sentence(decision: Decision, several: bool) -> str:
    subject = TASKS[decision.task].title + (f", {decision.base}" if several else "")
    if decision.layers == decision.of:
        return f"{subject}: cut nothing, keep all {decision.of} layers ({decision.rule})."
    said = [f"{subject}: keep {decision.layers} of {decision.of} layers ({decision.rule}).", verdict(decision)]
    saved = [f"{share:.0f} % of {name}" for name, share in savings(decision.whole, decision.cut) if round(share) > 0]
    if saved:
        said.append(f"Saves {', '.join(saved)}.")
    return " ".join(said)


def verdict(decision: Decision) -> str:
    """What the interval of the difference shows.

    Three outcomes for being told apart, and beside them whether the interval lies within the margin.
    """
    metric = "Accuracy" if TASKS[decision.task].higher_is_better else "Word error rate"
    gap, margin = decision.difference, decision.margin
    if gap is None:
        return f"{metric} has no paired difference to the whole model."
    interval = f"{gap.value:+.1f}, interval {gap.low:+.1f} to {gap.high:+.1f}"
    within = -margin <= gap.low and gap.high <= margin
    if not gap.shown:
        reached = "equivalent" if within else "not yet equivalent"
        return f"{metric} cannot be told from the whole model ({interval}; margin {margin:g}: {reached})."
    direction = "higher" if gap.value > 0 else "lower"
    beyond = f"; within the margin of {margin:g}" if within else ""
    return f"{metric} is {direction} than the whole model's ({interval}{beyond})."


def savings(whole: Entry, cut: Entry) -> Iterable[tuple[str, float]]:
    """What a cut saves of the whole upstream's cost, percent; without what was not measured."""
    for name, before, after in (
        ("parameters", whole.params, cut.params),
        ("MACs", whole.macs, cut.macs),
        ("time", whole.rtf, cut.rtf),
    ):
        if before and after:
            yield name, 100 * (1 - after / before)


def decisions_of(entries: Sequence[Entry], margin: float = MARGIN) -> list[Decision]:
    """One decision for each task and whole upstream of a board whose cuts no rule is known of.

    It is the only cut, or the smallest one that cannot be told from the whole upstream on the test set; where all can
    be told, the best one. The rule says which, since a choice on the test set flatters.
    """
    found = []
    for whole in (entry for entry in entries if entry.is_whole):
        for task in whole.scores:
            cuts = [e for e in entries if e.base == whole.name and e.is_one_upstream and task in e.differences]
            if not cuts:
                continue
            alike = [cut for cut in cuts if not cut.differences[task].shown or _better(cut, task)]
            if len(cuts) == 1:
                chosen, rule = cuts[0], "the only cut measured"
            elif alike:
                chosen = min(alike, key=lambda cut: cut.scores[task].params)
                rule = f"the smallest of {len(cuts)} cuts that is not worse on test"
            else:
                sign = 1 if TASKS[task].higher_is_better else -1
                chosen = max(cuts, key=lambda cut: sign * cut.scores[task].mean)
                rule = f"the best of {len(cuts)} cuts on test"
            found.append(Decision(task, whole.name, rule, whole, chosen, margin))
    order = list(TASKS)
    return sorted(found, key=lambda decision: order.index(decision.task))


def _better(cut: Entry, task: str) -> bool:
    gap = cut.differences[task]
    return gap.low > 0 if TASKS[task].higher_is_better else gap.high < 0


def table(decisions: Sequence[Decision]) -> tuple[list[str], list[list[str]]]:
    """The decisions as columns and rows, in the words of the command line and of the page.

    A column that says the same in every row is left out: the upstream, the rule.
    """
    several = {
        "upstream": len({decision.base for decision in decisions}) > 1,
        "rule": len({decision.rule for decision in decisions}) > 1,
    }
    rows = [_row(decision) for decision in decisions]
    columns = [name for name in (rows[0] if rows else ()) if several.get(name, True)]
    return columns, [[row[name] for name in columns] for row in rows]


def _row(decision: Decision) -> dict[str, str]:
    whole, cut, gap = decision.whole, decision.cut, decision.difference
    before, after = whole.scores[decision.task], cut.scores[decision.task]
    return {
        "task": heading(TASKS[decision.task]),
        "upstream": decision.base,
        "rule": decision.rule,
        "layers": f"{decision.layers} of {decision.of}",
        "whole": spread(before.mean, before.sd),
        "cut": spread(after.mean, after.sd),
        "difference [95 %]": f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]" if gap else "-",
        "M params": f"{whole.params / 1e6:.2f} -> {cut.params / 1e6:.2f}",
        "GMACs": _change(whole.macs, cut.macs, 1e9, 3),
        "real-time factor": _change(whole.rtf, cut.rtf, 1, 4),
    }


def _change(before: float | None, after: float | None, unit: float, digits: int) -> str:
    if before is None or after is None:
        return "-"
    return f"{before / unit:.{digits}f} -> {after / unit:.{digits}f}"


def text(decisions: Sequence[Decision]) -> list[str]:
    """`table` as aligned lines for a terminal."""
    columns, rows = table(decisions)
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)] if columns else []
    lines = [columns, *rows] if columns else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
