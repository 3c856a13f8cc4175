"""torchaudio 2.9 removed `torchaudio.sox_effects`; here are the effects s3prl's recipes use, where they can be exact.

libsox holds a sample as a 32-bit integer. Channel mixing and sample-rate conversion are done by its own filters,
which no library here reproduces to the last bit, so they are refused instead of approximated: ``channels`` and
``rate`` are accepted only where they change nothing. ``gain`` is libsox's arithmetic: multiply, round, clip, and its
24-bit rounding on the way to floats; 16-bit files come out as from libsox, bit for bit. That is all that 16 kHz mono
corpora (Speech Commands, VoxCeleb) need.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import AudioError
from .remedy import Remedy

if TYPE_CHECKING:
    import torch

FULL_SCALE = 2.0**31


def needed() -> bool:
    import torchaudio

    if not hasattr(torchaudio, "sox_effects"):
        return True
    try:  # 2.1 to 2.8 have the module, and raise when it is used without a libsox on the system
        torchaudio.sox_effects.effect_names()
    except (RuntimeError, ImportError, AttributeError, OSError):
        return True
    return False


def patch() -> None:
    import torchaudio

    module = ModuleType("torchaudio.sox_effects", __doc__)
    module.apply_effects_tensor = apply_effects_tensor  # type: ignore[attr-defined]
    module.apply_effects_file = apply_effects_file  # type: ignore[attr-defined]
    module.effect_names = effect_names  # type: ignore[attr-defined]
    torchaudio.sox_effects = module
    sys.modules["torchaudio.sox_effects"] = module


def effect_names() -> list[str]:
    """The effects available here."""
    return ["channels", "rate", "gain"]


def apply_effects_tensor(
    tensor: torch.Tensor, sample_rate: int, effects: Sequence[Sequence[str]], channels_first: bool = True
) -> tuple[torch.Tensor, int]:
    """Apply ``channels``, ``rate`` and ``gain`` as libsox does.

    Args:
        tensor: float waveform in [-1, 1], ``[channel, time]`` (or ``[time, channel]``).
        sample_rate: in Hz.
        effects: lists of strings, the effect's name first, such as ``[["channels", "1"], ["gain", "-3.0"]]``.
        channels_first: which of the two shapes.

    Returns:
        The waveform, float32, in the shape it came in, and its sample rate.

    Raises:
        AudioError: for any other effect, and where ``channels`` or ``rate`` would have to change the audio.

    >>> import torch
    >>> wav, rate = apply_effects_tensor(torch.full((1, 4), 0.5), 16000, [["rate", "16000"], ["gain", "-6"]])
    >>> round(wav[0, 0].item(), 6), rate
    (0.250594, 16000)
    """
    import torch

    samples = (tensor.double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
    channels = tensor.shape[0 if channels_first else 1]
    for effect in effects:
        name, arguments = str(effect[0]), [str(argument) for argument in effect[1:]]
        if name == "channels" and len(arguments) == 1:
            if int(arguments[0]) != channels:
                raise AudioError(
                    f"the audio has {channels} channels and the recipe wants {arguments[0]}: libsox's mixing is "
                    "missing from this torchaudio; convert the files once (sox in.wav -c 1 out.wav)"
                )
        elif name == "rate" and len(arguments) == 1:
            if float(arguments[0]) != sample_rate:
                raise AudioError(
                    f"the audio has {sample_rate} Hz and the recipe wants {arguments[0]} Hz: libsox's resampler is "
                    f"missing from this torchaudio; convert the files once (sox in.wav -r {arguments[0]} out.wav)"
                )
        elif name == "gain" and len(arguments) == 1:
            samples = _half_away(samples * math.exp(float(arguments[0]) * math.log(10.0) * 0.05))
            samples = samples.clamp(-FULL_SCALE, FULL_SCALE - 1)
        else:
            raise AudioError(
                f"sox effect {' '.join([name, *arguments])!r} is missing from this torchaudio and has no exact "
                f"replacement here (there are: channels, rate, gain); torchaudio < 2.9 with libsox has it"
            )
    return (((samples + 64) / 128).floor() * (128 / FULL_SCALE)).to(torch.float32), sample_rate


def apply_effects_file(
    path: str,
    effects: Sequence[Sequence[str]],
    normalize: bool = True,
    channels_first: bool = True,
    format: str | None = None,
) -> tuple[torch.Tensor, int]:
    """Read an audio file and apply effects, see `apply_effects_tensor`.

    Raises:
        AudioError: as there, for a file that cannot be read, and for ``normalize=False``.
    """
    from .audio_files import load

    wav, sample_rate = load(path, normalize=normalize, channels_first=channels_first)
    try:
        return apply_effects_tensor(wav, sample_rate, effects, channels_first)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None


def _half_away(samples: torch.Tensor) -> torch.Tensor:
    """libsox's rounding: halves go away from zero."""
    return samples.sign() * (samples.abs() + 0.5).floor()


REMEDY = Remedy(
    name="sox_effects",
    target="torchaudio.sox_effects",
    why="the KS recipe reads its audio through torchaudio.sox_effects, which torchaudio >= 2.9 does not have; "
    "replaced for 16 kHz mono audio, anything else is refused",
    needed=needed,
    patch=patch,
)
