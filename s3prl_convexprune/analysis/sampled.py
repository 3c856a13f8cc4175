"""A label's sample of a corpus: which utterances, in which groups, how long their files are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..artifact import Grouping
from ..corpora.audio_header import Header, read_header
from ..corpora.manifest import Utterance, check_distinct, effective_split, with_label
from ..errors import DataError
from .batches import Lengths
from .grouping import grouped, groups_across
from .request import Request
from .sampling import sample_per_class


@dataclass(frozen=True)
class Sampled:
    """What a request measures; the same for every upstream.

    Args:
        split: which one it is of.
        rows: the utterances, in the order of the points.
        groups: of the points, which the standard errors count; None takes the points as independent.
        grouping: what the artifact says of them.
        across: groups of the points within which there are no neighbours.
        lengths: of the files.
    """

    split: str
    rows: list[Utterance]
    groups: list[str] | None
    grouping: Grouping
    across: list[str] | None
    lengths: Lengths


def draw(
    request: Request, utterances: Sequence[Utterance], header_of: Callable[[Path], Header] = read_header
) -> Sampled:
    """Draw the sample of a request.

    Args:
        request: what is asked for.
        utterances: the corpus.
        header_of: what reads the header of a file.

    Raises:
        ConvexPruneError: the corpus, or the sample's size, groups or files, are not what the request needs.
    """
    label, split = request.label, effective_split(utterances, request.split)
    labelled = with_label(utterances, label, split)
    check_distinct(labelled, label)
    rows = sample_per_class(labelled, label, request.per_class, request.seed, request.classes)
    if request.neighbors >= len(rows):
        raise DataError(f"--neighbors {request.neighbors}: the sample has {len(rows)} points; K must be less")
    groups, grouping = grouped(rows, label, request.group, request.group_blocks, request.seed)
    across = groups_across(rows, label, request.across, request.neighbors) if request.across else None
    lengths = Lengths.read(rows, request.protocol.samples, request.batching.cut_out, header_of)
    return Sampled(split, rows, groups, grouping, across, lengths)
