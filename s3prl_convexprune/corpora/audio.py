"""Audio files as upstreams take them: 16 kHz, mono, float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..errors import AudioError
from ..sampling import SAMPLE_RATE
from .audio_header import Header, read_header, reason_of
from .resampling import resampled

CODEC_FRAMES = 2304  # samples, two frames of an MP3, whose header's length is an estimate
CANCELLED = 1e-3  # of the loudest sample, 60 dB below it
BLOCK = 1 << 16  # samples that are decoded at once where a file is not read whole
SHORTEST = 400  # samples: the receptive field of the 7-layer convolutional front end, 25 ms


def samples_between(header: Header, start: float, end: float) -> tuple[int, int]:
    """The samples of a file, at its own rate, that a segment holds: the first, and the one behind the last.

    There is always one at least.

    >>> samples_between(Header(frames=8000, rate=8000), 0.25, 0.5), samples_between(Header(8000, 8000), 1.0, 1.01)
    ((2000, 4000), (7999, 8000))
    """
    first = min(round(start * header.rate), header.frames - 1)
    return first, max(first + 1, min(round(end * header.rate), header.frames))


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """libsndfile's errors inside, in one line that names the file."""
    try:
        yield
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio: {reason_of(error)}") from error


def open_at(path: Path, first: int, header: Header) -> soundfile.SoundFile:
    """A file whose next sample is `first`; a format that cannot seek is decoded up to there.

    Raises:
        AudioError: its header is another one.
    """
    file = soundfile.SoundFile(path)
    if (file.frames, file.samplerate) != (header.frames, header.rate):
        file.close()
        raise AudioError(f"{path}: has changed since its header was read")
    if first == 0:
        return file
    if file.seekable():
        file.seek(first)
    else:
        for at in range(0, first, BLOCK):
            file.read(min(BLOCK, first - at))
    return file


@dataclass
class Decoded:
    """What has been decoded of a file so far, and whether it is of use.

    Attributes:
        path: the file.
        samples: how many there were, at its own rate.
        loudest: the loudest of any channel; where there are several, as the next.
        loudest_mean: the loudest of the channels' mean.
        channels: how many there are.
    """

    path: Path
    samples: int = 0
    loudest: float = 0.0
    loudest_mean: float = 0.0
    channels: int = 1

    def take(self, block: np.ndarray) -> np.ndarray:
        """The mean of its channels, `[samples]`.

        Args:
            block: `[samples, channels]`, what comes next.

        Raises:
            AudioError: it has NaN or infinite samples.
        """
        if not np.isfinite(block).all():
            raise AudioError(f"{self.path}: has NaN or infinite samples")
        self.samples, self.channels = self.samples + len(block), block.shape[1]
        if self.channels == 1:
            return block[:, 0]
        wav = block.mean(axis=1)
        self.loudest = max(self.loudest, np.abs(block).max(initial=0.0))
        self.loudest_mean = max(self.loudest_mean, np.abs(wav).max(initial=0.0))
        return wav

    def judge(self, expected: int) -> None:
        """Called behind the last block.

        Raises:
            AudioError: it ended before `expected` samples, or its channels cancel each other.
        """
        if self.samples < max(1, expected - CODEC_FRAMES):
            raise AudioError(f"{self.path}: is cut short: {self.samples} of {expected} samples can be decoded")
        if self.channels > 1 and self.loudest_mean < CANCELLED * self.loudest:
            raise AudioError(
                f"{self.path}: its {self.channels} channels cancel each other when they are averaged; keep one of them"
            )


def check_length(path: Path, samples: int) -> None:
    """Refuse a file of less than 25 ms.

    Args:
        path: the file.
        samples: at 16 kHz.
    """
    if samples < SHORTEST:
        raise AudioError(
            f"{path}: has {1000 * samples / SAMPLE_RATE:.0f} ms of audio; an upstream needs at least 25 ms"
        )


def load_audio(
    path: str | Path, segment: tuple[float, float] | None = None, header: Header | None = None
) -> np.ndarray:
    """Read a file, or a segment of one and nothing else, as 16 kHz mono.

    Channels are averaged; other sampling rates are resampled (torchaudio's windowed sinc).

    Args:
        path: any format that libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, ...).
        segment: its start and end in seconds; None for the whole file.
        header: the file's, where it has been read already.

    Returns:
        float32 samples, shape `[samples]`; zeros fill a segment of less than 25 ms up to that.

    Raises:
        AudioError: the file is missing, unreadable, empty, cut short, damaged, shorter than 25 ms or longer than an
            hour, has NaN or infinite samples, or channels that cancel each other.
    """
    path = Path(path)
    header = header or read_header(path)
    first, stop = samples_between(header, *segment) if segment else (0, header.frames)
    with decoding(path), open_at(path, first, header) as file:
        samples = file.read(stop - first, "float32", always_2d=True)
    decoded = Decoded(path)
    wav = resampled(decoded.take(samples), header.rate)
    decoded.judge(stop - first)
    if segment:
        return np.pad(wav, (0, max(0, SHORTEST - len(wav))))
    check_length(path, len(wav))
    return wav
