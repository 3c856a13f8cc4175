"""Which families give an utterance, in a padded batch of unequal lengths, the states that it has alone.

A family's row names one of these; a family without one is batched by equal lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .attributes import get

if TYPE_CHECKING:
    from torch import nn

WINDOW, SHIFT = 400, 160  # samples: Kaldi's frames of 25 ms every 10 ms, whole ones only


class Padding:
    """How a family keeps padding out, and how many frames it gives for a waveform."""

    def serves(self, expert: Any) -> bool:
        """Whether this holds for an upstream of the family, whose checkpoints may differ."""
        return True

    def longest(self, expert: Any) -> int | None:
        """Samples beyond which a waveform is not padded."""
        return None

    def frames(self, expert: Any) -> Callable[[int], int]:
        """A function from samples of waveform to frames of hidden state."""
        raise NotImplementedError

    def exact(self, expert: nn.Module) -> AbstractContextManager[Callable[[Sequence[int]], None]]:
        """See `compat.exact_padding.exact_padding`."""
        from ..compat.exact_padding import exact_padding

        return exact_padding(expert, self.frames(expert))


@dataclass(frozen=True)
class Convolved(Padding):
    """A waveform through a stack of convolutions without padding.

    Attributes:
        front_end: path to that stack.
        masks: path to what makes the mask of frames, where s3prl's own counts by chunks of the waveform.
    """

    front_end: str = "model.feature_extractor"
    masks: str | None = None

    def frames(self, expert: nn.Module) -> Callable[[int], int]:
        from ..compat.exact_padding import FrontEnd

        return FrontEnd(get(expert, self.front_end)).frames

    def exact(self, expert: nn.Module) -> Any:
        from ..compat.exact_padding import exact_padding

        masks = get(expert, self.masks) if self.masks else None
        return exact_padding(expert, self.frames(expert), get(expert, self.front_end), masks)


@dataclass(frozen=True)
class Filterbank(Padding):
    """Kaldi's filterbank features of each waveform alone, of which every `every`-th frame is taken."""

    every: int = 1

    def frames(self, expert: nn.Module) -> Callable[[int], int]:
        return lambda samples: -(-(1 + (samples - WINDOW) // SHIFT) // self.every)


@dataclass(frozen=True)
class Masked(Padding):
    """An upstream of ours, which keeps padding out by itself: a frame for every `rate` samples begun."""

    rate: int

    def frames(self, expert: nn.Module) -> Callable[[int], int]:
        return lambda samples: -(-samples // self.rate)

    def exact(self, expert: nn.Module) -> AbstractContextManager[Callable[[Sequence[int]], None]]:
        return nullcontext(lambda samples: None)


@dataclass(frozen=True)
class ChunkedFilterbank(Filterbank):
    """Mockingjay and its kin: what their config says of the frames; a longer input is cut into equal chunks."""

    def serves(self, expert: Any) -> bool:
        kaldi = expert.transformer.config["audio"].get("kaldi", {})
        settings = kaldi.get(kaldi.get("feat_type"), {})
        length, shift = settings.get("frame_length", 25.0), settings.get("frame_shift", 10.0)
        return bool(kaldi) and (length, shift) == (25.0, 10.0) and settings.get("snip_edges", True)

    def longest(self, expert: Any) -> int | None:
        frames = expert.transformer.max_input_length
        return WINDOW + (frames - 1) * SHIFT if frames else None


@dataclass(frozen=True)
class Patches(Padding):
    """MAE-AST: patches of filterbank frames; one that a waveform fills in part is left out, as it is alone."""

    def frames(self, expert: Any) -> Callable[[int], int]:
        size, stride = expert.ast_kernel_size_time, expert.ast_kernel_stride_time
        return lambda samples: (1 + (samples - WINDOW) // SHIFT - size) // stride + 1

    def exact(self, expert: Any) -> Any:
        from ..compat.exact_padding import exact_padding

        return exact_padding(expert, self.frames(expert), masks=expert.model, tokens_a_frame=expert.num_vertical_patch)
