"""Resampling to 16 kHz by torchaudio's windowed sinc, of a waveform or of a part of one.

Its filter is finite: an output hears the input up to `reach` samples away, and every input rate gives outputs in blocks
whose filters repeat. A part that begins with a block, with that margin on both sides, gives the outputs of the whole.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torchaudio.transforms

from ..sampling import SAMPLE_RATE

ZERO_CROSSINGS, ROLLOFF = 6, 0.99  # torchaudio's defaults


def resampled(wav: np.ndarray, rate: int) -> np.ndarray:
    """A waveform of `rate` Hz at 16 kHz.

    Args:
        wav: float32 samples, `[samples]`.
        rate: in Hz.
    """
    if rate == SAMPLE_RATE or len(wav) == 0:
        return wav
    return _resampler(rate)(torch.from_numpy(wav)).numpy()


@lru_cache(maxsize=2)  # its table of filters takes longer to make than a short file takes to resample
def _resampler(rate: int) -> torchaudio.transforms.Resample:
    return torchaudio.transforms.Resample(
        rate, SAMPLE_RATE, lowpass_filter_width=ZERO_CROSSINGS, rolloff=ROLLOFF, dtype=torch.float32
    )


def resampled_length(samples: int, rate: int) -> int:
    """How many samples so many of `rate` Hz are at 16 kHz."""
    return -(-samples * SAMPLE_RATE // rate)


def heard_in(first: int, last: int, rate: int) -> tuple[int, int, int]:
    """What outputs `first` to `last` are made of.

    Args:
        first, last: samples at 16 kHz, the first and the one behind the last.
        rate: of the input, in Hz.

    Returns:
        The first input and the one behind the last, which may lie behind the waveform's end; and how many outputs of
        these come before `first`.

    >>> heard_in(16_000, 32_000, 16_000), heard_in(16_000, 32_000, 48_000)
    ((16000, 32000, 0), (47979, 96019, 7))
    """
    common = math.gcd(rate, SAMPLE_RATE)
    block, outputs = rate // common, SAMPLE_RATE // common
    if block == outputs:
        return first, last, 0
    reach = math.ceil(ZERO_CROSSINGS * block / (min(block, outputs) * ROLLOFF))
    begins = max(0, first // outputs - -(-reach // block))
    return begins * block, -(-last // outputs) * block + reach, first - begins * outputs
