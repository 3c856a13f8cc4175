"""What s3prl's downstreams import beyond s3prl's own requirements and ours: the extra ``recipes``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from ..errors import InstallationError

#: s3prl's downstream -> the distributions that its expert imports.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "asr": ("editdistance", "pandas"),
    "voxceleb1": (),
    "speech_commands": (),
    "emotion": (),
    "sv_voxceleb1": ("joblib",),
    "fluent_commands": ("pandas",),
    "quesst14_dtw": ("dtw-python", "lxml"),
    "diarization": ("h5py", "pandas"),
    "ctc": ("editdistance",),
}

#: s3prl's downstream -> a package of s3prl that it imports and that only a clone has.
IN_A_CLONE: Mapping[str, str] = {"ctc": "s3prl.downstream.ctc.corpus"}

#: s3prl's downstream -> what it needs the program sox for, where torchaudio has no sox effects of its own.
SOX: Mapping[str, str] = {
    "sv_voxceleb1": "to trim silence",
    "quesst14_dtw": "for audio that has not 16 kHz, as QUESST's has 8",
}

#: Distribution -> the module it brings, where the two have different names.
MODULES = {"dtw-python": "dtw"}


def missing_packages(downstream: str) -> list[str]:
    """The distributions that this downstream needs and that are not installed; none for an unknown downstream."""
    return [name for name in PACKAGES.get(downstream, ()) if find_spec(MODULES.get(name, name)) is None]


def missing_part(downstream: str) -> str | None:
    """The package of s3prl that this downstream needs and that this s3prl lacks."""
    part = IN_A_CLONE.get(downstream)
    return part if part is not None and find_spec(part) is None else None


def missing_sox(downstream: str) -> str | None:
    """What this downstream needs the program sox for, if it is not installed and needed."""
    if downstream not in SOX:
        return None
    from ..compat import sox_effects

    return SOX[downstream] if sox_effects.replaced() and sox_effects.program() is None else None


def require_packages(downstream: str) -> None:
    """Refuse a downstream that would fail at an import or at its first audio file, before anything is computed.

    Raises:
        InstallationError: with the command that installs what is missing.
    """
    if part := missing_part(downstream):
        raise InstallationError(
            f"{downstream}: s3prl's pip package leaves out {part}, and the vocabularies; run from a clone of s3prl "
            "that is installed with pip install -e"
        )
    if missing := missing_packages(downstream):
        raise InstallationError(
            f"{downstream}: s3prl's recipe imports {' and '.join(missing)}; pip install {' '.join(missing)} "
            "(the extra s3prl-convexprune[recipes] has what all of them import)"
        )
    if downstream == "sv_voxceleb1" and (purpose := missing_sox(downstream)):
        raise InstallationError(f"{downstream}: the program sox is needed {purpose}; apt-get install sox")
