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
    "sv_voxceleb1": ("sox", "joblib"),
    "fluent_commands": ("pandas",),
    "quesst14_dtw": ("dtw-python", "lxml"),
    "diarization": ("h5py", "pandas"),
}

#: Distribution -> the module it brings, where the two have different names.
MODULES = {"dtw-python": "dtw"}


def missing_packages(downstream: str) -> list[str]:
    """The distributions that this downstream needs and that are not installed; none for an unknown downstream."""
    return [name for name in PACKAGES.get(downstream, ()) if find_spec(MODULES.get(name, name)) is None]


def require_packages(downstream: str) -> None:
    """Refuse a downstream that would fail at an import, before anything is computed.

    Raises:
        InstallationError: with the command that installs what is missing.
    """
    if missing := missing_packages(downstream):
        raise InstallationError(
            f"{downstream}: s3prl's recipe imports {' and '.join(missing)}; pip install {' '.join(missing)} "
            "(the extra s3prl-convexprune[recipes] has what all of them import)"
        )
