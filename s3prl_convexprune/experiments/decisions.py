"""A study's answer in a few lines: what each rule cut, what it saved, and whether accuracy stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..results.bootstrap import Difference
from ..results.leaderboard import Entry
from ..results.tables import heading, spread
from ..tasks.table import TASKS
from .cuts import Cut


@dataclass(frozen=True)
class Decision:
    """One rule's cut of one upstream on one task, beside the whole upstream.

    Attributes:
        task: the task.
        cut: what was cut, by which rule.
        whole: the whole upstream's row of the leaderboard.
        chosen: the cut's.
    """

    task: str
    cut: Cut
    whole: Entry
    chosen: Entry

    @property
    def difference(self) -> Difference | None:
        """To the whole upstream; None where nothing is cut, or where the two were not tested alike."""
        return self.chosen.differences.get(self.task)

    @property
    def sentence(self) -> str:
        """What the interval shows, and no more."""
        subject = f"{TASKS[self.task].title}: {self.cut.base.name}, {self.cut.choose.title}:"
        if self.cut.layers == self.cut.of:
            return f"{subject} nothing is cut."
        layers = f"the cut to {self.cut.layers} layer{'s' * (self.cut.layers != 1)}"
        gap = self.difference
        if gap is None:
            return f"{subject} {layers} has no paired difference to the whole model."
        interval = f"{gap.value:+.2f} points, 95 % interval {gap.low:+.2f} to {gap.high:+.2f}"
        if gap.low > 0:
            return f"{subject} {layers} scores higher than the whole model ({interval})."
        if gap.high < 0:
            return f"{subject} {layers} scores lower than the whole model ({interval})."
        return f"{subject} {layers} cannot be told from the whole model ({interval})."


def decisions(entries: Sequence[Entry], chosen: Mapping[str, Sequence[Cut]]) -> list[Decision]:
    """One decision for each task, upstream and rule that names one depth.

    Args:
        entries: the leaderboard.
        chosen: task -> its cuts, the whole upstreams among them.
    """
    by_name = {entry.name: entry for entry in entries}
    found = []
    for task, cuts in chosen.items():
        wholes = {cut.base.name: cut.name for cut in cuts if cut.layers == cut.of}
        for cut in cuts:
            whole = by_name.get(wholes.get(cut.base.name, ""))
            if cut.choose.rule in ("whole", "all-depths") or whole is None:
                continue
            found.append(Decision(task, cut, whole, by_name[cut.name]))
    return found


def table(found: Sequence[Decision]) -> list[str]:
    """The decisions as aligned text, one line each."""
    if not found:
        return []
    several = {
        "upstream": len({decision.cut.base.name for decision in found}) > 1,
        "rule": len({decision.cut.choose.title for decision in found}) > 1,
    }
    rows = []
    for decision in found:
        whole, cut, task, gap = decision.whole, decision.chosen, decision.task, decision.difference
        before, after = whole.scores[task], cut.scores[task]
        rows.append(
            {
                "task": heading(TASKS[task]),
                "upstream": decision.cut.base.name,
                "rule": decision.cut.choose.title,
                "layers": f"{decision.cut.layers} of {decision.cut.of}",
                "whole": spread(before.mean, before.sd),
                "cut": spread(after.mean, after.sd),
                "difference [95 %]": f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]" if gap else "-",
                "M params": f"{whole.params / 1e6:.2f} -> {cut.params / 1e6:.2f}",
                "GMACs": _change(whole.macs, cut.macs, 1e9, 3),
                "real-time factor": _change(whole.rtf, cut.rtf, 1, 4),
            }
        )
    columns = [name for name in rows[0] if several.get(name, True)]
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    widths = {name: max(len(line[name]) for line in lines) for name in columns}
    return ["  ".join(line[name].ljust(widths[name]) for name in columns).rstrip() for line in lines]


def _change(before: float | None, after: float | None, unit: float, digits: int) -> str:
    if before is None or after is None:
        return "-"
    return f"{before / unit:.{digits}f} -> {after / unit:.{digits}f}"
