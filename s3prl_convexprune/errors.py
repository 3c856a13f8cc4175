"""Errors for users: one line that says what was wrong, what was expected and the nearest valid choice.

Everything the package raises on bad input derives from `ConvexPruneError`, so a command
prints the message alone and a program catches one type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConvexPruneError(Exception):
    """Bad input, explained. The commands print it without a traceback and exit with 2."""


class UnknownUpstreamError(ConvexPruneError, AttributeError):
    """No upstream of that name; an AttributeError too, because names are looked up on `s3prl.hub`."""


class DepthError(ConvexPruneError, ValueError):
    """A number of layers that the upstream does not have."""


class ConfigError(ConvexPruneError, ValueError):
    """An upstream config, recipe or setting that cannot be used as written."""


class CheckpointError(ConvexPruneError, ValueError):
    """A checkpoint that is missing, truncated, unsafe or of another family."""


class CorpusError(ConvexPruneError, ValueError):
    """A corpus or manifest that is missing, incomplete or has too little in it."""


class AudioError(ConvexPruneError, ValueError):
    """An audio file that cannot be read as speech."""


class UndecidedError(ConvexPruneError, ValueError):
    """A curve over layers that decides nothing, and no policy named for that case."""


class DataError(ConvexPruneError, ValueError):
    """Points, labels or hidden states that no number can honestly be computed from."""


class InstallationError(ConvexPruneError, ImportError):
    """Packages that are missing or do not fit together; the message says what to install."""


class ArtifactError(ConvexPruneError, ValueError):
    """An analysis or results file that is missing, damaged or of another version."""


class OutputError(ConvexPruneError, OSError):
    """A place that cannot be written: no room, no permission, a name too long, something else in its place."""


def nearest(name: str, choices: Iterable[str], n: int = 3) -> str:
    """A "did you mean" clause for an error message.

    Args:
        name: what the user wrote.
        choices: the valid names.
        n: how many suggestions at most.

    Returns:
        ``"; did you mean 'a' or 'b'?"``, or the sorted choices when nothing is close and they are few,
        or an empty string.

    >>> nearest("hubret", ["hubert", "wavlm"])
    "; did you mean 'hubert'?"
    >>> nearest("x", ["asr", "ks"])
    '; expected one of asr, ks'
    """
    known = sorted(set(choices))
    close = difflib.get_close_matches(name, known, n=n, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(c) for c in close) + "?"
    if 0 < len(known) <= 20:
        return "; expected one of " + ", ".join(known)
    return ""
