"""Which utterances belong together: by speaker where that can be, and what is said where it cannot."""

from __future__ import annotations

from collections.abc import Sequence

from ..artifact import Grouping
from ..artifact.parts import plural
from ..convexity.groups import FEWEST, Blocks, as_blocks, check_across, most_neighbors
from ..convexity.inputs import as_codes
from ..corpora.manifest import Utterance
from ..errors import CorpusError, DataError, nearest

NONE = "none"
FILE = "file"


def group_names(sample: Sequence[Utterance], kind: str) -> list[str] | None:
    """The group of each utterance; None when one of them has none.

    Args:
        sample: the utterances.
        kind: ``speaker``, ``file``, or a label kind of the corpus such as ``session``.
    """
    if kind == FILE:
        return [str(row.path) for row in sample]
    found = [row.speaker if kind == "speaker" and row.speaker else row.labels.get(kind) for row in sample]
    return None if None in found else [str(name) for name in found]


def grouped(
    sample: Sequence[Utterance], label: str, kind: str | None, n_blocks: int | None, seed: int
) -> tuple[list[str] | None, Grouping]:
    """The groups that the errors will count, and what the artifact says of them.

    Unless it is stated, the first of these that leaves no class with one group only: the speaker where it is not the
    label itself, the recording session, the file where files hold several segments. Otherwise every utterance stands
    for itself, and the note says why.

    Args:
        sample: the utterances, in the order of the points.
        label: the label kind that is measured.
        kind: ``speaker``, ``session``, ``file``, any other column, ``none``; None for the default.
        n_blocks: leave groups out in so many blocks; see `convexity.graph_convexity`.
        seed: of the draw of groups into blocks.

    Raises:
        CorpusError: the kind asked for is not known of every utterance.
        DataError: its groups cannot be left out; see `convexity.groups.as_blocks`.
    """
    codes, names = as_codes([row.labels[label] for row in sample], len(sample))
    if kind == NONE:
        return None, Grouping(note="as asked for")
    if kind is not None:
        groups = group_names(sample, kind)
        if groups is None:
            offered = [*_known(sample), NONE]
            raise CorpusError(f"--group {kind}: not every utterance has one{nearest(kind, offered)}")
        try:
            return groups, _facts(kind, as_blocks(groups, codes, names, n_blocks, seed))
        except DataError as error:
            raise DataError(f"--group {kind}: {error}") from None
    reasons = []
    several = len({row.path for row in sample}) < len(sample)
    for kind in ("speaker", "session", *((FILE,) if several else ())):
        groups = group_names(sample, kind) if kind != label else None
        if groups is None:
            reasons.append("the speaker is the label" if kind == label == "speaker" else f"no {kind} is known")
            continue
        try:
            blocks = as_blocks(
                groups, codes, names, None if n_blocks is None else min(n_blocks, len(set(groups))), seed
            )
        except DataError as error:
            reasons.append(f"by {kind}: {error}")
            continue
        return groups, _facts(kind, blocks)
    return None, Grouping(note="; ".join(reasons))


def groups_across(sample: Sequence[Utterance], label: str, kind: str, neighbors: int) -> list[str]:
    """The groups within which there are to be no neighbours.

    Args:
        sample: the utterances, in the order of the points.
        label: the label kind that is measured.
        kind: ``speaker``, ``session``, ``file`` or any other column.
        neighbors: K.

    Raises:
        CorpusError: the kind is not known of every utterance.
        DataError: between its groups no class could hold together (`convexity.groups.check_across`), or K is too large.
    """
    groups = group_names(sample, kind)
    if groups is None:
        raise CorpusError(f"--across {kind}: not every utterance has one{nearest(kind, _known(sample))}")
    codes, names = as_codes([row.labels[label] for row in sample], len(sample))
    try:
        most = most_neighbors(len(sample), check_across(groups, codes, names))
    except DataError as error:
        raise DataError(f"--across {kind}: {error}") from None
    if neighbors > most:
        raise DataError(
            f"--neighbors {neighbors}: beside the largest {kind} the sample has {most} points; K can be no more across "
            f"{plural(kind)}"
        )
    return groups


def _known(sample: Sequence[Utterance]) -> list[str]:
    """What is known of every utterance."""
    known = {"speaker", *(name for row in sample for name in row.labels)}
    return [name for name in sorted(known) if group_names(sample, name) is not None] + [FILE]


def _facts(kind: str, blocks: Blocks) -> Grouping:
    few = blocks.n_blocks < FEWEST
    note = f"{blocks.n_groups} {plural(kind)} are too few for a standard error; at least {FEWEST} are needed"
    return Grouping(kind, blocks.n_groups, blocks.n_blocks, blocks.degrees, note if few else "")


def who_belongs_together(groups: Sequence[str] | None) -> list[int] | None:
    """The groups by number, in the order of the points, whatever they are called and wherever their files lie."""
    return None if groups is None else as_codes(groups, len(groups))[0].tolist()
