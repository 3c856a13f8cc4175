"""Audio files as upstreams take them: 16 kHz, mono, float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional

from ..errors import AudioError
from ..sampling import SAMPLE_RATE
from .audio_header import Header, read_header, reason_of

CODEC_FRAMES = 2304  # samples, two frames of an MP3, whose header's length is an estimate
CANCELLED = 1e-3  # of the loudest sample, 60 dB below it
SHORTEST = 400  # samples: the receptive field of the 7-layer convolutional front end, 25 ms


def samples_between(header: Header, start: float, end: float) -> tuple[int, int]:
    """The samples of a file, at its own rate, that a segment holds: the first, and the one behind the last.

    There is always one at least.

    >>> samples_between(Header(frames=8000, rate=8000), 0.25, 0.5), samples_between(Header(8000, 8000), 1.0, 1.01)
    ((2000, 4000), (7999, 8000))
    """
    first = min(round(start * header.rate), header.frames - 1)
    return first, max(first + 1, min(round(end * header.rate), header.frames))


def load_audio(path: str | Path, segment: tuple[float, float] | None = None) -> np.ndarray:
    """Read a file, or a segment of one and nothing else, as 16 kHz mono.

    Channels are averaged; other sampling rates are resampled (torchaudio's windowed sinc).

    Args:
        path: any format that libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, ...).
        segment: its start and end in seconds; None for the whole file.

    Returns:
        float32 samples, shape `[samples]`; zeros fill a segment of less than 25 ms up to that.

    Raises:
        AudioError: the file is missing, unreadable, empty, cut short, damaged, shorter than 25 ms or longer than an
            hour, has NaN or infinite samples, or channels that cancel each other.
    """
    path = Path(path)
    header = read_header(path)
    first, stop = (0, None) if segment is None else samples_between(header, *segment)
    try:
        samples, rate = soundfile.read(path, start=first, stop=stop, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio: {reason_of(error)}") from error
    expected = (stop or header.frames) - first
    if len(samples) < max(1, expected - CODEC_FRAMES):
        raise AudioError(f"{path}: is cut short: {len(samples)} of {expected} samples can be decoded")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: has NaN or infinite samples")
    wav = samples.mean(axis=1)
    loudest = np.abs(samples).max(initial=0.0)
    if samples.shape[1] > 1 and np.abs(wav).max(initial=0.0) < CANCELLED * loudest:
        raise AudioError(
            f"{path}: its {samples.shape[1]} channels cancel each other when they are averaged; keep one of them"
        )
    if rate != SAMPLE_RATE and len(wav):
        wav = torchaudio.functional.resample(torch.from_numpy(wav), rate, SAMPLE_RATE).numpy()
    if segment is not None:
        return np.pad(wav, (0, max(0, SHORTEST - len(wav))))
    if len(wav) < SHORTEST:
        raise AudioError(
            f"{path}: has {1000 * len(wav) / SAMPLE_RATE:.0f} ms of audio; an upstream needs at least 25 ms"
        )
    return wav


def is_silent(wav: np.ndarray) -> bool:
    """Whether nothing was recorded: every sample is the same.

    >>> is_silent(np.zeros(3)), is_silent(np.array([0.0, 1e-5]))
    (True, False)
    """
    return bool(len(wav) == 0 or (wav == wav[0]).all())
