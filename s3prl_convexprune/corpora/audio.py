"""Audio files as upstreams take them: 16 kHz, mono, float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional

from ..errors import AudioError
from ..sampling import SAMPLE_RATE
from .audio_header import read_header, reason_of

CODEC_FRAMES = 2304  # samples, two frames of an MP3, whose header's length is an estimate
CANCELLED = 1e-3  # of the loudest sample, 60 dB below it
SHORTEST = 400  # samples: the receptive field of the 7-layer convolutional front end, 25 ms


def load_audio(path: str | Path) -> np.ndarray:
    """Read a file as 16 kHz mono.

    Channels are averaged; other sampling rates are resampled (torchaudio's windowed sinc).

    Args:
        path: any format that libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, ...).

    Returns:
        float32 samples, shape `[samples]`.

    Raises:
        AudioError: the file is missing, unreadable, empty, cut short, damaged, shorter than 25 ms or longer than an
            hour, has NaN or infinite samples, or channels that cancel each other.
    """
    path = Path(path)
    header = read_header(path)
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio: {reason_of(error)}") from error
    if len(samples) < header.frames - CODEC_FRAMES:
        raise AudioError(f"{path}: is cut short: {len(samples)} of {header.frames} samples can be decoded")
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
