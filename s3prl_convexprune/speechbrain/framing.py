"""How many frames an upstream gives for a number of samples: floor((samples - window) / hop) + 1.

That holds for a short-time Fourier transform and for a stack of unpadded convolutions alike, since
floor((floor((n - a) / b) + 1 - c) / d) = floor((n - a - b (c - 1)) / (b d)): kernels add up to one window and
strides multiply to one hop.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

PROBE = 8000  # samples: long enough for every front end, short enough for a handful of forward passes


@dataclass(frozen=True)
class Framing:
    """The window and the hop of an upstream's frames, in samples.

    >>> Framing(window=400, hop=320).frames(16000)
    49
    """

    window: int
    hop: int

    def frames(self, samples: int) -> int:
        """Frames of an utterance on its own; 0 when it is shorter than a window."""
        return max(0, (samples - self.window) // self.hop + 1)


def framing_of(upstream: nn.Module, front_end: nn.Module | None) -> Framing:
    """Read off the convolutional front end, or measured where there is none."""
    return measured_framing(upstream) if front_end is None else conv_framing(front_end)


def conv_framing(front_end: nn.Module) -> Framing:
    """The framing of unpadded convolutions one after the other.

    >>> conv_framing(nn.Sequential(nn.Conv1d(1, 8, 10, stride=5), nn.Conv1d(8, 8, 3, stride=2)))
    Framing(window=20, hop=10)
    """
    window, hop = 1, 1
    for module in front_end.modules():
        if isinstance(module, nn.Conv1d):
            window += (module.kernel_size[0] - 1) * hop
            hop *= module.stride[0]
    return Framing(window, hop)


@torch.no_grad()
def measured_framing(upstream: nn.Module) -> Framing:
    """The framing that shows in the outputs: bisects for the length at which a frame is added.

    Args:
        upstream: an s3prl expert in eval mode, whose hop is the downsample rate it states.
    """
    hop: int = upstream.get_downsample_rates("hidden_states")  # type: ignore[operator]

    def frames(samples: int) -> int:
        wav = torch.randn(samples, generator=torch.Generator().manual_seed(0))
        return int(upstream([wav])["hidden_states"][-1].shape[1])

    before, shorter, longer = frames(PROBE), PROBE, PROBE + hop
    while longer - shorter > 1:
        middle = (shorter + longer) // 2
        if frames(middle) > before:
            longer = middle
        else:
            shorter = middle
    return Framing(window=longer - before * hop, hop=hop)
