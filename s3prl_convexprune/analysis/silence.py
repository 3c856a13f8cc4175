"""Which utterances are digital silence: nothing was recorded, every sample is the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..corpora.manifest import Utterance
from ..sampling import SAMPLE_RATE
from .windows import Window


def own_samples(utterance: Utterance, samples: int) -> tuple[int, int]:
    """The samples of a clip that are an utterance's, one at least: its segment's, or all.

    Args:
        utterance: a segment, or the whole clip.
        samples: how many the clip has.

    >>> from pathlib import Path
    >>> own_samples(Utterance(Path("a.wav"), start=0.5, end=2.0), samples=16_000)
    (8000, 16000)
    """
    if utterance.start is None or utterance.end is None:
        return 0, samples
    first, last = (round(time * SAMPLE_RATE) for time in (utterance.start, utterance.end))
    return min(first, samples - 1), min(max(last, first + 1), samples)


class Silence:
    """The silent ones of a batch, from what is heard of its clips window by window.

    Args:
        utterances: the sample.
        rows: for each clip of the batch, the utterances that lie in it.
        samples: for each clip, how many it has that were recorded.
    """

    def __init__(self, utterances: Sequence[Utterance], rows: Sequence[Sequence[int]], samples: Sequence[int]) -> None:
        self._own = [
            {row: own_samples(utterances[row], length) for row in own}
            for own, length in zip(rows, samples, strict=True)
        ]
        self._between = {row: (np.inf, -np.inf) for own in rows for row in own}

    def hear(self, clip: int, window: Window, wav: np.ndarray) -> None:
        """Take a window of a clip; what counts is its part between the neighbouring windows."""
        for row, (first, last) in self._own[clip].items():
            begins, ends = max(first, window.begins, window.first), min(last, window.ends, window.last)
            if begins < ends:
                low, high = self._between[row]
                own = wav[int(begins) - window.first : int(ends) - window.first]
                self._between[row] = min(low, float(own.min())), max(high, float(own.max()))

    def rows(self) -> list[int]:
        """The utterances of which every sample that was heard is the same."""
        return [row for row, (low, high) in self._between.items() if low == high]
