"""Audio of which a piece is held at a time: judged once from end to end, then decoded as its pieces are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ..errors import AudioError
from .audio import BLOCK, Decoded, check_length, decoding, load_audio, open_at, samples_between
from .audio_header import Header, read_header
from .resampling import heard_in, resampled, resampled_length


class LongAudio:
    """A waveform as `load_audio` gives it, of which slices can be taken: 16 kHz, mono, float32.

    Slices that go forward decode every sample once, in any format; one that begins before the last one did starts anew.

    Args:
        path: see `load_audio`, as of the other two.
        segment: its start and end in seconds; None for the whole file.
        header: the file's, where it has been read already.

    Raises:
        AudioError: see `load_audio`; before any slice is taken.
    """

    def __init__(
        self, path: str | Path, segment: tuple[float, float] | None = None, header: Header | None = None
    ) -> None:
        self.path = Path(path)
        header = header or read_header(self.path)
        self._first, stop = samples_between(header, *segment) if segment else (0, header.frames)
        decoded, expected = Decoded(self.path), stop - self._first
        with decoding(self.path), open_at(self.path, self._first, header) as file:
            while len(block := file.read(min(BLOCK, expected - decoded.samples), "float32", always_2d=True)):
                decoded.take(block)
        decoded.judge(expected)
        self._samples, self._rate, self._header = decoded.samples, header.rate, header
        self._file: soundfile.SoundFile | None = None
        self._kept, self._kept_from = np.zeros(0, np.float32), 0
        if segment is None:
            check_length(self.path, len(self))

    def __len__(self) -> int:
        return resampled_length(self._samples, self._rate)

    def __getitem__(self, piece: slice) -> np.ndarray:
        first, last, _ = piece.indices(len(self))
        if first >= last:
            return np.zeros(0, np.float32)
        begins, ends, before = heard_in(first, last, self._rate)
        own = self._decoded(begins, min(ends, self._samples))
        return resampled(own, self._rate)[before : before + last - first]

    def _decoded(self, first: int, last: int) -> np.ndarray:
        """Samples at the file's own rate, channels averaged; what stands before them is forgotten."""
        with decoding(self.path):
            if self._file is None or first < self._kept_from:
                self._file = open_at(self.path, self._first, self._header)
                self._kept, self._kept_from = np.zeros(0, np.float32), 0
            at, kept = self._kept_from + len(self._kept), [self._kept[first - self._kept_from :]]
            while at < last:
                block = self._file.read(min(BLOCK, last - at), "float32", always_2d=True)
                if len(block) == 0:
                    raise AudioError(f"{self.path}: has become shorter since its samples were checked")
                kept.append(block.mean(axis=1)[max(0, first - at) :])
                at += len(block)
        self._kept, self._kept_from = np.concatenate(kept), first
        return self._kept[: last - first]


def open_audio(
    path: str | Path,
    segment: tuple[float, float] | None = None,
    longest: float | None = None,
    header: Header | None = None,
) -> np.ndarray | LongAudio:
    """The waveform of a file or segment; where it has more than `longest` samples at 16 kHz, one to take slices of."""
    header = header or read_header(path)
    first, stop = samples_between(header, *segment) if segment else (0, header.frames)
    long = longest is not None and resampled_length(stop - first, header.rate) > longest
    return (LongAudio if long else load_audio)(path, segment, header)
