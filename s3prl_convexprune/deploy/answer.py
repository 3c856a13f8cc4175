"""What a graph's logits say: labels with probabilities, those of several slots, or text. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .exported import Exported

Labels: TypeAlias = dict[str, float]


class Slots(dict[str, Labels]):
    """Slot -> label -> probability: an intent is an action, an object and a location."""


Answer: TypeAlias = str | Labels | Slots


def answer_of(logits: np.ndarray, facts: Exported) -> Answer:
    """What the logits of one utterance say.

    Args:
        logits: `[labels]`, or `[frames, labels]` of a graph that returns characters.
        facts: of the graph.
    """
    if facts.returns == "characters":
        return greedy_text(logits, facts.labels)
    if not facts.slots:
        return _chances(logits, facts.labels)
    ends = np.cumsum([count for _, count in facts.slots])
    return Slots(
        (slot, _chances(logits[end - count : end], facts.labels[end - count : end]))
        for (slot, count), end in zip(facts.slots, ends, strict=True)
    )


def greedy_text(logits: np.ndarray, labels: Sequence[str]) -> str:
    """The text of logits for CTC: the likeliest label of each frame, repetitions once, the blank left out.

    Args:
        logits: `[frames, labels]`.
        labels: what each writes: nothing for the blank, a space for the end of a word.

    >>> greedy_text(np.eye(4)[[2, 2, 0, 2, 1, 1, 3, 0]], ["", " ", "o", "h"])
    'oo h'
    """
    best = logits.argmax(-1)
    kept = best[np.diff(best, prepend=-1) != 0]
    return " ".join("".join(labels[at] for at in kept).split())


def _chances(logits: np.ndarray, labels: Sequence[str]) -> Labels:
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    return {labels[at]: float(chances[at]) for at in np.argsort(-chances, kind="stable")}


def likeliest(answer: Answer, top: int) -> Answer:
    """An answer with the first few of its labels, or of each slot's."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Slots):
        return Slots((slot, dict(list(labels.items())[:top])) for slot, labels in answer.items())
    return dict(list(answer.items())[:top])


def in_words(answer: Answer) -> str:
    """An answer for people.

    >>> in_words({"yes": 0.9, "no": 0.1}), in_words(Slots(action={"bring": 1.0}, object={"shoes": 1.0}))
    ('yes 0.900, no 0.100', 'action: bring 1.000; object: shoes 1.000')
    """
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Slots):
        return "; ".join(f"{slot}: {in_words(labels)}" for slot, labels in answer.items())
    return ", ".join(f"{label} {chance:.3f}" for label, chance in answer.items())
