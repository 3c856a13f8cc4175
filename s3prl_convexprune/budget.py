"""What a device can bear, as limits on a cut: parameters, MACs, file size, latency and real-time factor.

>>> Budget(max_macs=0.6, max_mb=100).limits()
{'max_macs': 0.6, 'max_mb': 100}
>>> Budget(max_mb=-1)
Traceback (most recent call last):
...
s3prl_convexprune.errors.ConfigError: --max-mb (max_mb) -1: expected megabytes above 0, such as 50
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .errors import ConfigError
from .numbers import SHARE, Range

BYTES = 4  # of a parameter in float32


class Limit(NamedTuple):
    """A row of `LIMITS`: which numbers it takes, what it limits, and whether that is a time."""

    numbers: Range
    text: str
    timed: bool = False

    def option(self, name: str) -> str:
        """How messages call it: both ways in which it is given."""
        return f"{option_of(name)} ({name})"


LIMITS: dict[str, Limit] = {
    "max_params": Limit(SHARE, "the share of the whole upstream's parameters, such as 0.6"),
    "max_macs": Limit(SHARE, "the share of the whole upstream's MACs, such as 0.6"),
    "max_mb": Limit(
        Range("megabytes above 0, such as 50", 0, 1e6, above=True), "megabytes of float32 parameters (4e-6 each)"
    ),
    "max_latency_ms": Limit(
        Range("milliseconds above 0, such as 200", 0, 1e9, above=True), "milliseconds a pass, by --times", True
    ),
    "max_rtf": Limit(
        Range("a real-time factor above 0, such as 0.1", 0, 1e6, above=True), "the real-time factor, by --times", True
    ),
}


def option_of(name: str) -> str:
    """The command line's name of a limit.

    >>> option_of("max_latency_ms")
    '--max-latency-ms'
    """
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Budget:
    """Limits that a depth has to keep, all of them.

    Args:
        max_params: share (0 to 1] of the whole upstream's parameters.
        max_macs: share (0 to 1] of its multiply-accumulates.
        max_mb: megabytes of the cut's parameters in float32, 4 bytes each.
        max_latency_ms: milliseconds of one pass, as `times` has them.
        max_rtf: compute time by audio time, likewise.
        times: the artifact that ``profile --by-depth`` wrote; needed by the last two limits and by nothing else.

    Raises:
        ConfigError: no limit, one out of range, or times that are missing or not needed.
    """

    max_params: float | None = None
    max_macs: float | None = None
    max_mb: float | None = None
    max_latency_ms: float | None = None
    max_rtf: float | None = None
    times: Path | None = field(default=None)

    def __post_init__(self) -> None:
        limits = self.limits()
        if not limits:
            raise ConfigError(
                f"the policy budget needs one of {', '.join(limit.option(name) for name, limit in LIMITS.items())}"
            )
        for name, value in limits.items():
            LIMITS[name].numbers.check(LIMITS[name].option(name), value)
        timed = [option_of(name) for name in limits if LIMITS[name].timed]
        if timed and self.times is None:
            raise ConfigError(
                f"{timed[0]} needs --times (times): measure with 'profile -u UPSTREAM --by-depth -o times.json' on "
                "the device"
            )
        if self.times is not None and not timed:
            raise ConfigError("--times (times) goes with --max-latency-ms or --max-rtf")

    def limits(self) -> dict[str, float]:
        """The limits that are set, by name."""
        return {name: value for name in LIMITS if (value := getattr(self, name)) is not None}
