"""Folders of audio as long 16 kHz streams, one a speaker, and windows cut from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly
from torch import Tensor

from s3prl_convexprune.errors import AudioError, CorpusError

SAMPLE_RATE = 16000
HOP, RECEPTIVE_FIELD = 320, 400
"""Samples from one HuBERT frame to the next, and under one frame."""

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


@dataclass
class Streams:
    """All audio in one tensor: the files of one folder after each other are one stream.

    Attributes:
        samples: float16, shape (total,), on the training device.
        starts: first sample of each stream.
        frames: number of HuBERT frames of each stream.
        names: the folders' names.
    """

    samples: Tensor
    starts: list[int]
    frames: list[int]
    names: list[str]

    @property
    def hours(self) -> float:
        return len(self.samples) / SAMPLE_RATE / 3600

    def stream(self, index: int) -> Tensor:
        """The samples of one stream, float32."""
        length = (self.frames[index] - 1) * HOP + RECEPTIVE_FIELD
        return self.samples[self.starts[index] : self.starts[index] + length].float()

    def label_starts(self) -> list[int]:
        """Where each stream's frames begin in a vector that holds the frames of all of them."""
        return [0, *np.cumsum(self.frames)[:-1].tolist()]

    def windows(self, frames: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random windows, each from one stream; a stream is drawn in proportion to its length.

        Args:
            frames: length of a window; streams shorter than this are left out.
            count: how many.
            generator: a CPU generator.

        Returns:
            samples, shape (count, (frames - 1) * HOP + RECEPTIVE_FIELD), and the indices of the windows'
            frames in the vector of all frames, shape (count, frames).
        """
        room = torch.tensor([max(0, f - frames + 1) for f in self.frames], dtype=torch.float64)
        chosen = torch.multinomial(room, count, replacement=True, generator=generator)
        offset = (torch.rand(count, generator=generator, dtype=torch.float64) * room[chosen]).long()
        first_sample = torch.tensor(self.starts)[chosen] + offset * HOP
        first_frame = torch.tensor(self.label_starts())[chosen] + offset
        length = (frames - 1) * HOP + RECEPTIVE_FIELD
        device = self.samples.device
        sample_index = first_sample.to(device)[:, None] + torch.arange(length, device=device)
        frame_index = first_frame.to(device)[:, None] + torch.arange(frames, device=device)
        return self.samples[sample_index].float(), frame_index


def read_streams(folders: Iterable[Path], device: str) -> Streams:
    """Read every audio file below some folders.

    Args:
        folders: searched recursively; the files that share a parent folder become one stream, so a folder
            should hold one speaker (its targets are normalised together).
        device: where the samples go.

    Raises:
        CorpusError: no audio, or less than a second of it.
        AudioError: a file that cannot be read.
    """
    by_parent: dict[Path, list[Path]] = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                by_parent.setdefault(path.parent, []).append(path)
    chunks, starts, frames, names, total = [], [], [], [], 0
    for parent, paths in sorted(by_parent.items()):
        samples = np.concatenate([read_audio(path) for path in paths])
        count = (len(samples) - RECEPTIVE_FIELD) // HOP + 1
        if count < 50:
            continue
        samples = samples / max(1e-4, float(np.sqrt(np.mean(samples**2)))) * 0.06
        chunks.append(torch.from_numpy(samples.clip(-1, 1).astype(np.float16)))
        starts.append(total)
        frames.append(count)
        names.append(parent.name)
        total += len(samples)
    if not chunks:
        raise CorpusError(f"no folder with a second of audio ({', '.join(sorted(_SUFFIXES))}) was found")
    return Streams(torch.cat(chunks).to(device), starts, frames, names)


def read_audio(path: Path) -> np.ndarray:
    """One file as 16 kHz mono float32.

    Raises:
        AudioError: not readable as audio.
    """
    try:
        samples, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path} cannot be read as audio: {error}") from error
    mono = samples.mean(axis=1)
    if sample_rate != SAMPLE_RATE:
        divisor = math.gcd(SAMPLE_RATE, sample_rate)
        mono = resample_poly(mono, SAMPLE_RATE // divisor, sample_rate // divisor)
    return np.asarray(mono, dtype=np.float32)
