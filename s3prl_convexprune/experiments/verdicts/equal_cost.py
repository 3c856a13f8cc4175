"""The cut at the top against other sets of as many layers: of equal cost, since a model's layers are equally large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...markdown import escape
from ...markdown import table as markdown_table
from .resampling import Interval, Scores


@dataclass(frozen=True)
class Kept:
    """A set of layers that is no cut at the top.

    Attributes:
        name: its name on the hub.
        layers: how many it keeps.
        rules: which rules chose it.
    """

    name: str
    layers: int
    rules: tuple[str, ...]


def table(title: str, depths: Mapping[int, str], others: Sequence[Kept], scores: Scores, margin: float) -> list[str]:
    """The comparison as Markdown, the cheapest sets first; nothing where every set is a cut at the top.

    Args:
        title: of the first column.
        depths: depth -> the cut at the top.
        others: other sets of layers.
        scores: of all of them.
        margin: as in `rules.table`.
    """
    if not others:
        return []
    columns = [f"{escape(title)}: layers", "chosen by", "score % [95 %]", "to the cut at the top [95 %]"]
    rows = []
    for count in sorted({kept.layers for kept in others}):
        top = scores.at(depths[count])[0]
        rows.append([f"{count}: the first {count}", "the cut at the top", _score(scores, top), "–", "–"])
        for kept in (kept for kept in others if kept.layers == count):
            at = scores.at(kept.name)[0]
            gap: Interval = scores.difference(lambda s, at=at, top=top: s[..., at] - s[..., top])  # type: ignore[misc]
            which = kept.name.rpartition("_layers_")[2].replace("to", " to ").replace("_", ", ")
            chosen = escape(", ".join(kept.rules))
            rows.append([f"{count}: {which}", chosen, _score(scores, at), gap.signed, gap.against(margin)])
    return markdown_table([*columns, f"margin {margin:g}"], rows)


def _score(scores: Scores, at: int) -> str:
    return str(scores.score(lambda s: s[..., at]))
