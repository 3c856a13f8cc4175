"""A study's answer: what each rule cut, beside the whole upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..report.decision import Decision
from ..results.leaderboard import Entry
from .cuts import Cut


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
            found.append(Decision(task, cut.base.name, cut.choose.title, whole, by_name[cut.name]))
    return found
