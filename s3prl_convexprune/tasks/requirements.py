"""What s3prl's downstreams import beyond s3prl's own requirements and ours: the extra ``recipes``."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import InstallationError
from .table import DOWNSTREAMS
from .task import Downstream

#: Distribution -> the module it brings, where the two have different names.
MODULES = {"dtw-python": "dtw"}


def _needs(downstream: str) -> Downstream:
    """The row of an s3prl downstream; one that is not in the table is known to need nothing."""
    return DOWNSTREAMS.get(downstream, Downstream(downstream))


def missing_packages(downstream: str) -> list[str]:
    """The distributions that this downstream needs and that are not installed; none for an unknown downstream."""
    return [name for name in _needs(downstream).packages if find_spec(MODULES.get(name, name)) is None]


def missing_part(downstream: str) -> str | None:
    """The package of s3prl that this downstream needs and that this s3prl lacks."""
    part = _needs(downstream).part
    return part if part is not None and find_spec(part) is None else None


def missing_sox(downstream: str) -> str | None:
    """What this downstream needs the program sox for, if it is not installed and needed."""
    purpose = _needs(downstream).sox
    if purpose is None:
        return None
    from ..compat import sox_effects

    return purpose if sox_effects.replaced() and sox_effects.program() is None else None


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
    if _needs(downstream).sox_for_all and (purpose := missing_sox(downstream)):
        raise InstallationError(f"{downstream}: the program sox is needed {purpose}; apt-get install sox")
