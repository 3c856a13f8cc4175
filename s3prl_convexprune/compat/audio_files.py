"""torchaudio 2.9 reads files through torchcodec, which needs FFmpeg's libraries; soundfile serves without either."""

from __future__ import annotations

import io
import os
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AudioError
from ..sampling import SAMPLE_RATE
from .remedy import Remedy

if TYPE_CHECKING:
    import torch

BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
ENCODINGS = {"PCM_U8": "PCM_U", "FLOAT": "PCM_F", "DOUBLE": "PCM_F", "ULAW": "ULAW", "ALAW": "ALAW"}


@dataclass(frozen=True)
class AudioMetaData:
    """What `info` returns: torchaudio's fields."""

    sample_rate: int
    num_frames: int
    num_channels: int
    bits_per_sample: int
    encoding: str


def needed() -> bool:
    """Whether torchaudio fails on a short WAV file held in memory, or has no `info`."""
    import torchaudio

    if not hasattr(torchaudio, "info"):
        return True
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(bytes(320))
    buffer.seek(0)
    try:
        torchaudio.load(buffer)
    except Exception:
        return True
    return False


def patch() -> None:
    import torchaudio

    torchaudio.load = load
    torchaudio.info = info
    torchaudio.save = save


def load(
    uri: Any,
    frame_offset: int = 0,
    num_frames: int = -1,
    normalize: bool = True,
    channels_first: bool = True,
    format: str | None = None,
    buffer_size: int = 4096,
    backend: str | None = None,
) -> tuple[torch.Tensor, int]:
    """`torchaudio.load` by soundfile (WAV, FLAC, Ogg, MP3).

    Args:
        uri: path or file object.
        frame_offset: first sample to read.
        num_frames: how many samples; -1 for all that follow.
        normalize: must be True, the samples are float32 in [-1, 1].
        channels_first: ``[channel, time]`` instead of ``[time, channel]``.

    Raises:
        AudioError: for a file that is missing or that soundfile cannot read, and for ``normalize=False``.
    """
    import soundfile
    import torch

    if not normalize:
        raise AudioError("torchaudio.load(normalize=False) is not available through soundfile; normalize=True is")
    try:
        data, sample_rate = soundfile.read(
            _source(uri), start=frame_offset, frames=num_frames, dtype="float32", always_2d=True
        )
    except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
        raise AudioError(_explain(uri, error)) from None
    wav = torch.from_numpy(data)
    return (wav.t().contiguous() if channels_first else wav), sample_rate


def info(uri: Any, format: str | None = None, buffer_size: int = 4096, backend: str | None = None) -> AudioMetaData:
    """`torchaudio.info` by soundfile.

    Raises:
        AudioError: for a file that is missing or that soundfile cannot read.
    """
    import soundfile

    try:
        found = soundfile.info(_source(uri))
    except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
        raise AudioError(_explain(uri, error)) from None
    kind = ENCODINGS.get(found.subtype, "PCM_S" if found.subtype.startswith("PCM_") else found.format)
    if found.format == "FLAC":
        kind = "FLAC"
    return AudioMetaData(found.samplerate, found.frames, found.channels, BITS.get(found.subtype, 0), kind)


def save(
    uri: Any,
    src: torch.Tensor,
    sample_rate: int,
    channels_first: bool = True,
    format: str | None = None,
    encoding: str | None = None,
    bits_per_sample: int | None = None,
    buffer_size: int = 4096,
    backend: str | None = None,
    compression: Any = None,
) -> None:
    """`torchaudio.save` by soundfile. Float tensors become 32-bit float WAV unless told otherwise, as torchaudio did.

    Raises:
        AudioError: for an encoding or a place that soundfile cannot write.
    """
    import soundfile
    import torch

    data = src.detach().cpu()
    subtype = None
    if encoding == "PCM_F":
        subtype = "DOUBLE" if bits_per_sample == 64 else "FLOAT"
    elif encoding in ("PCM_S", None) and bits_per_sample:
        subtype = f"PCM_{bits_per_sample}"
    elif encoding == "PCM_S":
        subtype = "PCM_16"
    elif encoding is not None:
        subtype = encoding
    elif str(uri).lower().endswith(".wav") or format == "wav":
        subtype = {torch.float32: "FLOAT", torch.float64: "DOUBLE", torch.int32: "PCM_32"}.get(data.dtype, "PCM_16")
    try:
        soundfile.write(
            _source(uri), (data.t() if channels_first else data).numpy(), sample_rate, subtype=subtype, format=format
        )
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError, OSError) as error:
        raise AudioError(_explain(uri, error)) from None


def _source(uri: Any) -> Any:
    return os.fspath(uri) if isinstance(uri, os.PathLike) else uri


def _explain(uri: Any, error: Exception) -> str:
    name = uri if isinstance(uri, (str, os.PathLike)) else "the given file object"
    if isinstance(uri, (str, os.PathLike)) and not Path(uri).is_file():
        return f"{name}: no such audio file"
    return f"{name}: {error}; WAV, FLAC, Ogg and MP3 files can be read"


REMEDY = Remedy(
    name="audio_files",
    target="torchaudio.load, torchaudio.info, torchaudio.save",
    why="torchaudio >= 2.9 reads audio through torchcodec and FFmpeg, and has no info(); soundfile serves instead",
    needed=needed,
    patch=patch,
)
