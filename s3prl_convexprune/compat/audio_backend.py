"""torchaudio 2.9 removed `set_audio_backend`; s3prl still calls it at import. There is no backend left to set."""

from __future__ import annotations

from .remedy import Remedy


def needed() -> bool:
    import torchaudio

    return not hasattr(torchaudio, "set_audio_backend")


def patch() -> None:
    import torchaudio

    torchaudio.set_audio_backend = set_audio_backend


def set_audio_backend(backend: str | None) -> None:
    """Accept any backend and do nothing."""


REMEDY = Remedy(
    name="audio_backend",
    target="torchaudio.set_audio_backend",
    why="s3prl calls torchaudio.set_audio_backend when its hub is imported; torchaudio >= 2.9 has none",
    needed=needed,
    patch=patch,
)
