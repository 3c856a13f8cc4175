"""A study's answer: what each rule cut, beside the whole upstream."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..policies import SCORED
from ..report.decision import MARGIN, Decision
from ..results.leaderboard import Entry
from .cuts import Cut


def decisions(
    entries: Sequence[Entry],
    chosen: Mapping[str, Sequence[Cut]],
    fallback: str | None = None,
    undecided: Collection[tuple[str, str]] = (),
    margin: float = MARGIN,
    keys: Mapping[tuple[str, str], str] | None = None,
) -> list[Decision]:
    """One decision for each task, upstream and rule that names one depth.

    Args:
        entries: the leaderboard.
        chosen: task -> its cuts, the whole upstreams among them.
        fallback: the policy that chose where an analysis decided nothing.
        undecided: (upstream, analysis) of those that did not.
        margin: points within which two scores count as equal.
        keys: (upstream, analysis) -> `settings.key` of the analysis.
    """
    by_name = {entry.name: entry for entry in entries}
    found = []
    for task, cuts in chosen.items():
        wholes = {cut.base.name: cut.name for cut in cuts if cut.layers == cut.of}
        for cut in cuts:
            whole = by_name.get(wholes.get(cut.base.name, ""))
            if cut.choose.rule in ("whole", "all-depths") or whole is None:
                continue
            rule = cut.choose.title
            if cut.choose.rule in SCORED and (cut.base.name, cut.analysis) in undecided:
                rule = f"{rule} undecided, so {fallback}"
            key = (keys or {}).get((cut.base.name, cut.analysis))
            found.append(Decision(task, cut.base.name, rule, whole, by_name[cut.name], margin, key))
    return found
