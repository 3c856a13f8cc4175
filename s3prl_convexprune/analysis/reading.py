"""The audio of planned batches, decoded and resampled in worker processes while the upstream computes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..corpora.long_audio import LongAudio, open_audio
from ..errors import ConvexPruneError
from .batches import Batch

MOST_WORKERS = 8

#: What slices can be taken of: all of it in memory, or a long file of which a piece is held.
Waveform: TypeAlias = np.ndarray | LongAudio


def reading_workers(device: str) -> int:
    """How many processes decode: beside a GPU one a core, up to eight; on a CPU, whose cores compute, none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if device == "cpu" else min(MOST_WORKERS, cores)


@dataclass(frozen=True)
class _Batches(Dataset):
    """Batch number -> its waveforms; an error is handed over, not raised: it keeps its one line that way."""

    batches: Sequence[Batch]
    numbers: Sequence[int]
    longest: float | None

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: int) -> tuple[int, list[torch.Tensor | LongAudio] | ConvexPruneError]:
        number = self.numbers[at]
        try:
            batch = self.batches[number]
            headers = batch.headers or repeat(None)
            wavs = [
                open_audio(clip.path, clip.segment, self.longest, header)
                for clip, header in zip(batch.clips, headers, strict=False)
            ]
            return number, [torch.from_numpy(wav) if isinstance(wav, np.ndarray) else wav for wav in wavs]
        except ConvexPruneError as error:
            return number, error


def read_batches(
    batches: Sequence[Batch],
    numbers: Sequence[int],
    workers: int = 0,
    pinned: bool = False,
    longest: float | None = None,
) -> Iterator[tuple[int, list[Waveform]]]:
    """The waveforms of batches, in order.

    Args:
        batches: the plan.
        numbers: which of them.
        workers: processes that read ahead; 0 reads in line.
        pinned: whether the waveforms lie in memory that a GPU copies from beside its computing.
        longest: samples of a clip beyond which it is read piece by piece.

    Yields:
        A batch's number, and a 16 kHz mono waveform a clip.

    Raises:
        AudioError: a file cannot be used.
    """
    dataset = _Batches(batches, numbers, longest)
    loader: DataLoader = DataLoader(dataset, batch_size=None, num_workers=workers, pin_memory=pinned)
    for number, wavs in loader:
        if isinstance(wavs, ConvexPruneError):
            raise wavs
        yield number, wavs
