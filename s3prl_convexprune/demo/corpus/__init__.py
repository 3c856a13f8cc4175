"""The demo's corpus of synthetic speech: 20 voices, 1300 short clips, and how to find them.

The speech comes from speech synthesisers and the four styles are prosody settings; see ``README.md`` here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def demo_manifest_path() -> Path:
    """The manifest of the shipped corpus, a CSV file; its ``path`` column is relative to its folder."""
    return Path(__file__).parent / "manifest.csv"


def demo_model_path() -> Path:
    """The folder of the shipped model, as ``hf_hubert_custom`` takes it for its ``ckpt``."""
    return Path(__file__).parent.parent / "model"


def demo_clips() -> list[dict[str, str]]:
    """The rows of the manifest.

    Returns:
        One dictionary a clip: path, kind (word, phrase, sentence or noise), word, speaker, style,
        transcript, split, speaker_split, session, seconds, sha256. An empty cell says that the clip
        carries no such label.

    >>> sorted({clip["kind"] for clip in demo_clips()})
    ['noise', 'phrase', 'sentence', 'word']
    """
    with demo_manifest_path().open(newline="") as file:
        return list(csv.DictReader(file))


def read_clip(path: str) -> np.ndarray:
    """The samples of one clip.

    Args:
        path: as in the manifest.

    Returns:
        float32 samples in [-1, 1], shape (time,), 16 kHz.
    """
    import soundfile

    samples, _ = soundfile.read(demo_manifest_path().parent / path, dtype="float32")
    return np.asarray(samples)
