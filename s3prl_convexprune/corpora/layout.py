"""Writing a corpus as it lies on disk: what the modules' `lay_out` share."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from ..atomic import explained
from ..sampling import SAMPLE_RATE


def write_audio(path: Path, samples: np.ndarray) -> Path:
    """Write 16 kHz mono audio, shape `[samples]`, in [-1, 1], as 16-bit PCM in the format of the file's ending."""
    # encoded first: libsndfile does not say why it could not write, a full disk for instance
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, SAMPLE_RATE, subtype="PCM_16", format=path.suffix[1:])
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded.getvalue())
    return path


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write a list, a line an item."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
