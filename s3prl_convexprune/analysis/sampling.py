"""Balanced sampling: the same number of utterances a class, the same ones for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from ..corpora.manifest import Utterance
from ..errors import CorpusError


def sample_per_class(
    utterances: Sequence[Utterance], label: str, per_class: int, seed: int, most_classes: int | None = None
) -> list[Utterance]:
    """Draw at most `per_class` utterances of each class, without replacement.

    The draw depends on the set of utterances and the seed, not on their order.

    Args:
        utterances: all of them carry `label`.
        label: the label kind that defines the classes.
        per_class: how many a class; a smaller class gives all it has.
        seed: of the draw.
        most_classes: draw so many of the classes first; None, or no more classes than that, takes all.

    Returns:
        The sample, ordered by file, start and class.

    Raises:
        CorpusError: `per_class` is below 2, or a class has a single utterance.
    """
    if per_class < 2:
        raise CorpusError(f"per-class must be at least 2, not {per_class}: convexity is about pairs")
    classes: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in sorted(utterances, key=lambda row: _order(row, label)):
        classes[utterance.labels[label]].append(utterance)
    if most_classes is not None and most_classes < len(classes):
        kept = random.Random(f"{seed}/classes").sample(sorted(classes), most_classes)
        classes = {name: classes[name] for name in kept}
    single = sorted(name for name, rows in classes.items() if len(rows) < 2)
    if single:
        shown = ", ".join(map(repr, single[:5])) + (", ..." if len(single) > 5 else "")
        raise CorpusError(
            f"label {label!r}: {len(single)} class(es) with one utterance ({shown}); convexity needs at least 2 "
            "a class: add utterances or leave those rows out"
        )
    chosen = []
    for name in sorted(classes):
        rows = classes[name]
        chosen += random.Random(f"{seed}/{name}").sample(rows, min(per_class, len(rows)))
    return sorted(chosen, key=lambda row: _order(row, label))


def _order(utterance: Utterance, label: str) -> tuple[str, float, str]:
    return str(utterance.path), utterance.start or 0.0, utterance.labels[label]
