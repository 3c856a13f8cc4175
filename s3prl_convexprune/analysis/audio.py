"""Audio files as upstreams take them: 16 kHz, mono, float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional

from ..errors import AudioError

SAMPLE_RATE = 16_000
SHORTEST = 400  # samples: the receptive field of the 7-layer convolutional front end, 25 ms


def load_audio(path: str | Path) -> np.ndarray:
    """Read a file as 16 kHz mono.

    Channels are averaged; other sampling rates are resampled (torchaudio's windowed sinc).

    Args:
        path: any format that libsndfile reads (WAV, FLAC, Ogg Vorbis, Opus, MP3, ...).

    Returns:
        float32 samples, shape `[samples]`.

    Raises:
        AudioError: the file is missing, unreadable, empty, shorter than 25 ms, or has NaN or infinite samples.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: there is no such audio file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "unknown format"
        raise AudioError(f"{path}: cannot be read as audio: {reason}") from error
    wav = samples.mean(axis=1)
    if rate != SAMPLE_RATE and len(wav):
        wav = torchaudio.functional.resample(torch.from_numpy(wav), rate, SAMPLE_RATE).numpy()
    if len(wav) < SHORTEST:
        raise AudioError(
            f"{path}: has {1000 * len(wav) / SAMPLE_RATE:.0f} ms of audio; an upstream needs at least 25 ms"
        )
    if not np.isfinite(wav).all():
        raise AudioError(f"{path}: has NaN or infinite samples")
    return wav
