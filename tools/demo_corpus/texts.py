"""What the demo's speakers say: words, phrases in four styles, and sentences."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from s3prl_convexprune.corpora.speech_commands import KEYWORDS

OTHER_WORDS = ("bird", "seven", "house", "marvin", "happy", "sheila", "three", "dog", "wow", "zero")
"""Words of Speech Commands v0.01 that its recipe maps to ``_unknown_``."""

WORDS = KEYWORDS + OTHER_WORDS

WORD_SPLITS: dict[str, str] = {word: "train" for word in WORDS} | {
    **dict.fromkeys(("up", "right", "seven", "dog"), "dev"),
    **dict.fromkeys(("no", "stop", "marvin", "house"), "test"),
}
"""The speaker task's split of each word: words of dev and test are never heard in train."""

PHRASES = ("come over here", "what is that", "the door is open", "we have to go now")
"""Every speaker says each phrase in each style, so that the words say nothing about the style."""


@dataclass(frozen=True)
class Style:
    """A prosody setting, relative to the voice's own; `tilt` is in dB at 4 kHz against 0 Hz."""

    rate: float
    pitch: float
    range: float
    tilt: float


STYLES: dict[str, Style] = {
    "neutral": Style(1.0, 1.0, 1.0, 0.0),
    "happy": Style(1.1, 1.22, 1.8, 3.0),
    "angry": Style(1.28, 1.08, 0.6, 8.0),
    "sad": Style(0.76, 0.86, 0.4, -8.0),
}
"""Names that the ER recipe knows for four prosody settings. Nobody felt anything."""

_VERBS = ("put", "take", "bring", "move")
_COLOURS = ("red", "green", "blue", "white")
_THINGS = ("box", "cup", "book", "lamp")
_PLACES = ("up", "down", "left", "right")


def sentences(split: str) -> list[str]:
    """The sentences of a split, of the form "move the red lamp left"; no sentence is in two splits.

    Args:
        split: ``train``, ``dev`` or ``test``.

    Returns:
        A third of the grammar's 256 sentences, in an order in which neighbours differ.

    >>> sentences("train")[:2]
    ['put the red box up', 'take the green cup right']
    """
    third = ("train", "dev", "test").index(split)
    grammar = list(itertools.product(range(4), repeat=4))
    chosen = [code for code in grammar if sum(code) % 3 == third]
    ordered = [chosen[i * 29 % len(chosen)] for i in range(len(chosen))]
    return [f"{_VERBS[v]} the {_COLOURS[c]} {_THINGS[t]} {_PLACES[p]}" for v, c, t, p in ordered]
