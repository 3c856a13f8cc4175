"""From the states of a batch to sums over each utterance's own frames, one matrix product per layer.

Sums are in float64: a mean over thousands of frames keeps float32's seven digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..corpora.manifest import Utterance
from ..sampling import SAMPLE_RATE
from .windows import Window


@dataclass(frozen=True)
class Piece:
    """One row of a forward pass: a window of a file.

    Args:
        window: which part of the file's waveform.
        rows: the utterances that lie in the file, by their place in the sample.
        frames: how many frames of the states are its own, behind which padding stands.
        of: how many frames the whole file has.
    """

    window: Window
    rows: tuple[int, ...]
    frames: int
    of: int


def own_frames(utterance: Utterance, frames: int, rate: int) -> tuple[int, int]:
    """The frames of a file whose centre lies in an utterance; the nearest one when it is shorter than a frame.

    Args:
        utterance: a segment, or the whole file.
        frames: how many the file has.
        rate: samples a frame.

    >>> from pathlib import Path
    >>> own_frames(Utterance(Path("a.wav"), start=0.1, end=0.2), frames=49, rate=320)
    (5, 10)
    >>> own_frames(Utterance(Path("a.wav"), start=0.105, end=0.106), frames=49, rate=320)
    (5, 6)
    """
    if utterance.start is None or utterance.end is None:
        return 0, frames
    centres = (np.arange(frames) + 0.5) * rate / SAMPLE_RATE
    first, last = np.searchsorted(centres, [utterance.start, utterance.end])
    if first == last:
        first = int(np.abs(centres - (utterance.start + utterance.end) / 2).argmin())
        last = first + 1
    return int(first), int(last)


class Pooling:
    """Means over utterances' own frames, gathered over the passes of one batch.

    Args:
        utterances: the sample.
        rows: the utterances of the batch, in the order of the points.
    """

    def __init__(self, utterances: Sequence[Utterance], rows: Sequence[int]) -> None:
        self._utterances = utterances
        self._place = {row: place for place, row in enumerate(rows)}
        self._sums: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []

    def add(self, states: Sequence[torch.Tensor], pieces: Sequence[Piece], rates: Sequence[int]) -> None:
        """Take the states of one pass.

        Args:
            states: a tensor a layer, `[pieces, frames, dim]`.
            pieces: what its rows are.
            rates: samples a frame, for each layer.
        """
        if not self._sums:
            self._sums = [np.zeros((len(self._place), state.shape[2])) for state in states]
            self._counts = [np.zeros(len(self._place)) for _ in states]
        chosen: dict[tuple[int, int], tuple[torch.Tensor, np.ndarray, np.ndarray]] = {}
        for k, (state, rate) in enumerate(zip(states, rates, strict=True)):
            shape = (state.shape[1], rate)
            if shape not in chosen:
                weights, places = self._weights(pieces, *shape)
                chosen[shape] = weights.to(state.device), places, weights.sum(2).numpy()[places[0], places[1]]
            weights, (piece, slot, place), counts = chosen[shape]
            sums = torch.bmm(weights, state.double()).cpu().numpy()[piece, slot]
            add = _add_once if len(np.unique(place)) == len(place) else np.add.at
            add(self._sums[k], place, sums)
            add(self._counts[k], place, counts)

    def _weights(self, pieces: Sequence[Piece], frames: int, rate: int) -> tuple[torch.Tensor, np.ndarray]:
        """Ones where a frame is an utterance's, `[pieces, utterances of a piece, frames]`, and which point that is.

        The latter `[3, utterances]`: piece, utterance of the piece, point.
        """
        spans: list[list[tuple[int, int, int]]] = []
        for piece in pieces:
            base = piece.window.first // rate
            begins = max(piece.window.begins / rate - base, 0)
            ends = min(piece.window.ends / rate - base, piece.frames, frames)
            spans.append([])
            for row in piece.rows:
                first, last = (at - base for at in own_frames(self._utterances[row], piece.of, rate))
                first, last = int(max(first, begins)), int(min(last, ends))
                if first < last:
                    spans[-1].append((self._place[row], first, last))
        weights = torch.zeros(len(pieces), max(map(len, spans)), frames, dtype=torch.float64)
        places = []
        for number, own in enumerate(spans):
            for slot, (place, first, last) in enumerate(own):
                weights[number, slot, first:last] = 1.0
                places.append((number, slot, place))
        return weights, np.array(places, int).reshape(-1, 3).T

    def frames(self) -> np.ndarray:
        """How many frames of the last state given are each row's own, `[rows]`."""
        return self._counts[-1]

    def points(self) -> list[np.ndarray]:
        """One `[rows, dim]` float32 array per layer."""
        return [
            (sums / counts[:, None]).astype(np.float32) for sums, counts in zip(self._sums, self._counts, strict=True)
        ]


def _add_once(sums: np.ndarray, places: np.ndarray, more: np.ndarray) -> None:
    """`np.add.at` where no place comes twice."""
    sums[places] += more
