"""What a remedy is: a name, a reason, a test for its need, and a patch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """What became of one remedy in this process.

    Attributes:
        name: the remedy's name.
        state: ``"applied"``, ``"not needed"`` or ``"failed: <reason>"``.
        why: what breaks without it.
    """

    name: str
    state: str
    why: str

    @property
    def applied(self) -> bool:
        return self.state == "applied"


@dataclass(frozen=True)
class Remedy:
    """One narrow patch of a third-party module.

    Attributes:
        name: short name, as `doctor` prints it.
        target: what is patched.
        why: what breaks without it, one sentence.
        needed: whether this stack lacks what s3prl asks for. Must leave everything as it was.
        patch: puts the remedy in place.
    """

    name: str
    target: str
    why: str
    needed: Callable[[], bool]
    patch: Callable[[], None]

    def apply(self) -> Report:
        """Patch if needed. A failure is reported, never raised: the other remedies still count."""
        try:
            if not self.needed():
                return Report(self.name, "not needed", self.why)
            self.patch()
        except Exception as error:
            return Report(self.name, f"failed: {type(error).__name__}: {error}", self.why)
        return Report(self.name, "applied", self.why)
