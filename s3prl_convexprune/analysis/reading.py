"""The audio of planned batches, decoded and resampled in worker processes while the upstream computes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..corpora.audio import load_audio
from ..errors import ConvexPruneError
from .batches import Batch

MOST_WORKERS = 8


def reading_workers(device: str) -> int:
    """How many processes decode: beside a GPU one a core, up to eight; on a CPU, whose cores compute, none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if device == "cpu" else min(MOST_WORKERS, cores)


@dataclass(frozen=True)
class _Batches(Dataset):
    """Batch number -> its waveforms; an error is handed over, not raised: it keeps its one line that way."""

    batches: Sequence[Batch]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: int) -> tuple[int, list[torch.Tensor] | ConvexPruneError]:
        number = self.numbers[at]
        try:
            clips = self.batches[number].clips
            return number, [torch.from_numpy(load_audio(clip.path, clip.segment)) for clip in clips]
        except ConvexPruneError as error:
            return number, error


def read_batches(
    batches: Sequence[Batch], numbers: Sequence[int], workers: int = 0, pinned: bool = False
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """The waveforms of batches, in order.

    Args:
        batches: the plan.
        numbers: which of them.
        workers: processes that read ahead; 0 reads in line.
        pinned: whether the waveforms lie in memory that a GPU copies from beside its computing.

    Yields:
        A batch's number, and a 16 kHz mono waveform a clip.

    Raises:
        AudioError: a file cannot be used.
    """
    loader: DataLoader = DataLoader(_Batches(batches, numbers), batch_size=None, num_workers=workers, pin_memory=pinned)
    for number, wavs in loader:
        if isinstance(wavs, ConvexPruneError):
            raise wavs
        yield number, wavs
