"""torchaudio 2.9 removed `torchaudio.sox_effects`; here are the effects s3prl's recipes use, all of them exact.

libsox holds a sample as a 32-bit integer. ``gain`` is computed here in libsox's arithmetic: multiply, round, clip,
and its 24-bit rounding on the way to floats; 16-bit files come out as from libsox, bit for bit. ``channels`` and
``rate`` cost nothing where they change nothing. That is all that 16 kHz mono Speech Commands (KS) need.

Trimming of silence (ASV), resampling (QbE, whose audio has 8 kHz) and channel mixing are libsox's own filters, which no
library here reproduces to the last bit. They are never approximated: the program ``sox``, the original, does them, and
where it is not installed they are refused.
"""

from __future__ import annotations

import functools
import math
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import AudioError, nearest
from .remedy import Remedy

if TYPE_CHECKING:
    import torch

FULL_SCALE = 2.0**31

#: soundfile's name of a file's format: sox's. It is always stated, for sox takes an unstated one from the name, which
#: may be a playlist or a command to run.
FORMATS = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "OGG": "ogg", "MP3": "mp3", "NIST": "nist", "AIFF": "aiff"}


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


def replaced() -> bool:
    """Whether torchaudio's sox effects are the ones here."""
    return getattr(sys.modules.get("torchaudio.sox_effects"), "apply_effects_file", None) is apply_effects_file


@functools.cache
def program() -> str | None:
    """Where the program ``sox`` is, or None."""
    return shutil.which("sox")


@functools.cache
def effect_names() -> list[str]:
    """The effects available here: ``gain``, and all of sox's where the program is installed."""
    if program() is None:
        return ["channels", "rate", "gain"]
    asked = subprocess.run([str(program()), "--help"], capture_output=True, text=True, check=False)
    (names,) = (line for line in asked.stdout.splitlines() if line.startswith("EFFECTS:"))
    return [name.rstrip("*+#") for name in names.split()[1:]]


def apply_effects_tensor(
    tensor: torch.Tensor, sample_rate: int, effects: Sequence[Sequence[str]], channels_first: bool = True
) -> tuple[torch.Tensor, int]:
    """Apply effects as libsox does.

    Args:
        tensor: float waveform in [-1, 1], ``[channel, time]`` (or ``[time, channel]``).
        sample_rate: in Hz.
        effects: lists of strings, the effect's name first, such as ``[["channels", "1"], ["gain", "-3.0"]]``.
        channels_first: which of the two shapes.

    Returns:
        The waveform, float32, in the shape it came in, and its sample rate.

    Raises:
        AudioError: for an effect that takes sox where sox is not installed, and for one that sox refuses.

    >>> import torch
    >>> wav, rate = apply_effects_tensor(torch.full((1, 4), 0.5), 16000, [["rate", "16000"], ["gain", "-6"]])
    >>> round(wav[0, 0].item(), 6), rate
    (0.250594, 16000)
    """
    frames = tensor.t() if channels_first else tensor
    samples = (frames.double() * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1)
    gains = _gains(effects, frames.shape[1], sample_rate)
    if gains is None:
        raw = ["-t", "raw", "-e", "signed", "-b", "32", "-L", "-c", str(frames.shape[1]), "-r", str(sample_rate), "-"]
        given = samples.numpy().astype("<i4").tobytes()
        samples, sample_rate = _run_sox(raw, effects, given)
    for decibels in gains or ():
        samples = _half_away(samples * math.exp(decibels * math.log(10.0) * 0.05))
        samples = samples.clamp(-FULL_SCALE, FULL_SCALE - 1)
    return _to_float(samples, channels_first), sample_rate


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
    import soundfile

    from .audio_files import info, load

    about = info(path)
    try:
        if _gains(effects, about.num_channels, about.sample_rate) is not None:
            wav, sample_rate = load(path, normalize=normalize, channels_first=channels_first)
            return apply_effects_tensor(wav, sample_rate, effects, channels_first)
        kind = FORMATS.get(soundfile.info(os.fspath(path)).format)
        if kind is None or not normalize:
            raise AudioError(f"sox effects are for {', '.join(FORMATS)} files, with normalize=True")
        samples, sample_rate = _run_sox(["-t", kind, str(Path(path).absolute())], effects)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
    return _to_float(samples, channels_first), sample_rate


def _gains(effects: Sequence[Sequence[str]], channels: int, sample_rate: int) -> list[float] | None:
    """The gains, in dB, that all of `effects` come down to, or None where sox has to do them."""
    idle = (["channels", str(channels)], ["rate", str(sample_rate)])
    gains = []
    for effect in ([str(word) for word in effect] for effect in effects):
        if effect[0] == "gain" and len(effect) == 2 and effect[1].lstrip("+-")[:1].isdigit():
            gains.append(float(effect[1]))
        elif effect not in idle:
            return None
    return gains


def _run_sox(
    source: Sequence[str], effects: Sequence[Sequence[str]], given: bytes | None = None
) -> tuple[torch.Tensor, int]:
    """Let sox read `source` and apply effects. Returns its 32-bit samples, ``[time, channel]``, and their rate."""
    import numpy as np
    import torch

    words = [str(word) for effect in effects for word in effect]
    if program() is None:
        raise AudioError(
            f"the effects {' '.join(words)!r} are sox's own, and the program sox is not installed: "
            "apt-get install sox, or conda install -c conda-forge sox"
        )
    unknown = [str(effect[0]) for effect in effects if str(effect[0]) not in effect_names()]
    if unknown:  # sox would take it for the name of a file
        raise AudioError(f"sox has no effect {unknown[0]!r}{nearest(unknown[0], effect_names())}")
    # In sox's own format: what libsox holds, unchanged, after a header that states the rate and the channels.
    command = [str(program()), "-V1", "-D", *source, "-t", "sox", "-e", "signed", "-b", "32", "-L", "-", *words]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
        raise AudioError(f"sox cannot apply {' '.join(words)!r}: {said[0].split('FAIL ')[-1]}")
    magic, header, _, sample_rate, channels = struct.unpack("<4sIQdI", done.stdout[:28])
    samples = np.frombuffer(done.stdout, "<i4", offset=len(magic) + header).reshape(-1, channels)
    return torch.from_numpy(samples.astype(np.float64)), int(sample_rate)


def _to_float(samples: torch.Tensor, channels_first: bool) -> torch.Tensor:
    """libsox's way to float32: 24 bits of each sample."""
    import torch

    floats = (((samples + 64) / 128).floor() * (128 / FULL_SCALE)).clamp(max=1.0).to(torch.float32)
    return floats.t().contiguous() if channels_first else floats


def _half_away(samples: torch.Tensor) -> torch.Tensor:
    """libsox's rounding: halves go away from zero."""
    return samples.sign() * (samples.abs() + 0.5).floor()


REMEDY = Remedy(
    name="sox_effects",
    target="torchaudio.sox_effects",
    why="the KS, ASV and QbE recipes read their audio through torchaudio.sox_effects, which torchaudio >= 2.9 does not "
    "have; gain is computed here, trimming, resampling and mixing by the program sox, where it is installed",
    needed=needed,
    patch=patch,
)
