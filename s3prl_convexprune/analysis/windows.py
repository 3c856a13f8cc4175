"""The windows in which a long waveform is heard, and what of each counts."""

from __future__ import annotations

from dataclasses import dataclass

from ..sampling import SAMPLE_RATE
from .batches import Batching

GRID = 320  # samples; windows begin on it, where the frames of 10 and of 20 ms do


@dataclass(frozen=True)
class Window:
    """A stretch of a waveform, in samples: what is heard, and the part of it whose frames count.

    The first window's part begins before the first frame, the last one's ends behind the last.
    """

    first: int
    last: int
    begins: float = -float("inf")
    ends: float = float("inf")


def windows_of(samples: int, batching: Batching) -> list[Window]:
    """The windows in which a waveform is heard; one for a waveform that is no longer than that.

    >>> [(part.first, part.last, part.ends) for part in windows_of(640_000, Batching(window=30.0, context=5.0))]
    [(0, 400000, 320000), (240000, 640000, inf)]
    """
    if batching.window is None or samples <= batching.window * SAMPLE_RATE:
        return [Window(0, samples)]
    context = round(batching.context * SAMPLE_RATE) // GRID * GRID
    core = (round(batching.window * SAMPLE_RATE) - 2 * context) // GRID * GRID
    windows = []
    for begins in range(0, samples, core):
        last = begins + core >= samples - context  # what is left is context, and no window of its own
        windows.append(
            Window(
                max(0, begins - context),
                samples if last else begins + core + context,
                begins or -float("inf"),
                float("inf") if last else begins + core,
            )
        )
        if last:
            break
    return windows
