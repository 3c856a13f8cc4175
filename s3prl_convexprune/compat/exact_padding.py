"""Padding that an utterance does not hear: a batch of unequal lengths gives the states that each has alone.

Three things let padding in. The group norm of Base-type front ends takes its statistics over the whole padded waveform:
here it is computed for each utterance's own frames. HuBERT's and WavLM's masks count frames by chunks of the waveform,
one frame off for some lengths: here they follow the convolutions' own arithmetic. And convolutions over frames (the
positional one, the conformer's) read what stands behind an utterance's end: here it is zero, as at the end of a batch.

Nothing is changed outside `exact_padding`, nor inside it for a batch of equal lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn


def convolved(length: int, conv: nn.Conv1d) -> int:
    """How many frames a convolution makes of so many.

    >>> convolved(16000, nn.Conv1d(1, 4, kernel_size=10, stride=5))
    3199
    """
    (kernel,), (stride,), (dilation,) = conv.kernel_size, conv.stride, conv.dilation
    padding = 0 if isinstance(conv.padding, str) else conv.padding[0]
    return max(0, (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


class FrontEnd:
    """The convolutions of a front end in the order they run, for their arithmetic of lengths.

    Args:
        module: the front end.

    Attributes:
        frames: how many frames it makes of a waveform of so many samples.
    """

    def __init__(self, module: nn.Module) -> None:
        self.norms = [norm for norm in module.modules() if isinstance(norm, nn.GroupNorm)]
        self.convs = [conv for conv in module.modules() if isinstance(conv, nn.Conv1d)]

        self.frames = lru_cache(1 << 12)(self._frames)

    def _frames(self, samples: int) -> int:
        for conv in self.convs:
            samples = convolved(samples, conv)
        return samples


@contextmanager
def exact_padding(
    expert: nn.Module,
    frames: Callable[[int], int],
    front_end: nn.Module | None = None,
    masks: nn.Module | None = None,
    tokens_a_frame: int = 1,
) -> Iterator[Callable[[Sequence[int]], None]]:
    """While it is entered, an upstream keeps the padding of a batch out of every utterance's states.

    Args:
        expert: the upstream.
        frames: how many frames it gives for a waveform of so many samples.
        front_end: its convolutional front end, if it has one.
        masks: the module whose ``forward_padding_mask`` makes the mask of frames, if one does.
        tokens_a_frame: how many of the mask's places stand for one frame.

    Yields:
        What is told the lengths of the waveforms, in samples, before each forward pass.
    """
    now: dict[str, list[int]] = {"samples": [], "frames": []}

    def unequal() -> bool:
        return len(set(now["samples"])) > 1

    def tell(samples: Sequence[int]) -> None:
        now["samples"] = list(samples)
        now["frames"] = [frames(length) for length in samples]

    with ExitStack() as stack:
        if front_end is not None:
            for undo in _hooks(front_end, now, unequal):
                stack.callback(undo)
        inside = set(front_end.modules()) if front_end is not None else set()
        for conv in expert.modules():
            if isinstance(conv, nn.Conv1d) and conv not in inside and conv.kernel_size[0] > 1:
                stack.callback(conv.register_forward_pre_hook(_silence(now, unequal)).remove)
        if masks is not None:
            own: Any = masks.forward_padding_mask

            def forward_padding_mask(features: Tensor, padding_mask: Tensor, *args: Any, **kwargs: Any) -> Tensor:
                if not unequal():
                    return own(features, padding_mask, *args, **kwargs)
                ends = torch.tensor(now["frames"], device=features.device) * tokens_a_frame
                return torch.arange(features.shape[1], device=features.device) >= ends[:, None]

            masks.forward_padding_mask = forward_padding_mask  # type: ignore[assignment]
            stack.callback(delattr, masks, "forward_padding_mask")
        yield tell


def _hooks(
    front_end: nn.Module, now: dict[str, list[int]], unequal: Callable[[], bool]
) -> Iterator[Callable[[], None]]:
    lengths: list[int] = []

    def begin(module: nn.Module, args: Any) -> None:
        lengths[:] = now["samples"]

    def count(conv: Any, args: Any, output: Tensor) -> None:
        lengths[:] = [convolved(length, conv) for length in lengths]

    def normalised(own: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def forward(given: Tensor) -> Tensor:
            if not unequal():
                return own(given)
            result = None
            for row, length in enumerate(lengths):
                found = own(given[row : row + 1, :, :length])
                if result is None:  # autocast decides of which type it is
                    result = torch.empty_like(given, dtype=found.dtype)
                result[row : row + 1, :, :length] = found
                result[row, :, length:] = 0.0
            assert result is not None
            return result

        return forward

    parts = FrontEnd(front_end)
    yield front_end.register_forward_pre_hook(begin).remove
    for conv in parts.convs:
        yield conv.register_forward_hook(count).remove
    for norm in parts.norms:
        norm.forward = normalised(norm.forward)  # type: ignore[method-assign, assignment]
        yield partial(delattr, norm, "forward")


def _silence(now: dict[str, list[int]], unequal: Callable[[], bool]) -> Callable[[nn.Module, Any], Any]:
    def silence(conv: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        frames = args[0]
        if not unequal() or frames.shape[0] != len(now["frames"]):
            return None
        ends = torch.tensor(now["frames"], device=frames.device)
        beyond = torch.arange(frames.shape[-1], device=frames.device) >= ends[:, None]
        return (frames.masked_fill(beyond[:, None], 0.0), *args[1:])

    return silence
