"""What upstreams cost, as an artifact: parameters, MACs, latency, real-time factor and peak memory on one machine.

`profiling` measures; this is what its numbers are kept in, and what a leaderboard reads without torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import MinLen

from ..errors import ArtifactError
from ..schema import Artifact, AtLeastOne, Count, NotNegative, Part, Positive


@dataclass(frozen=True)
class Machine(Part):
    """Where times were measured: torch's device, the processor's or GPU's name, its cores and torch's threads."""

    device: str
    name: str
    cores: AtLeastOne | None = None
    threads: AtLeastOne | None = None

    def __str__(self) -> str:
        parts = [f"{self.name} ({self.device})"]
        parts += [f"{count} {what}" for what, count in (("cores", self.cores), ("threads", self.threads)) if count]
        return ", ".join(parts)


@dataclass(frozen=True)
class Timing(Part):
    """Forward passes over batches of one shape.

    Attributes:
        seconds: length of each utterance.
        batch: utterances.
        latency_s: median time of a pass.
        quartiles_s: lower and upper quartile.
        rtf: compute time by audio time.
        peak_memory_mb: most memory during the passes: what was allocated on a GPU; on a CPU the resident set of a
            process of its own, less what it held before the upstream was built; None where that is not known.
    """

    seconds: Positive
    batch: AtLeastOne
    latency_s: Positive
    quartiles_s: tuple[Positive, Positive]
    rtf: Positive
    peak_memory_mb: NotNegative | None


@dataclass(frozen=True)
class Profile(Part):
    """One upstream's cost.

    Attributes:
        upstream: what results call it.
        params: all of its parameters, trained or not, heads left in its checkpoint included (SUPERB's rule).
        layers: hidden states less one.
        macs: multiply-accumulates for one utterance of `macs_seconds`.
        macs_seconds: that length.
        rtf: real-time factor at that length and the smallest batch.
        macs_by_seconds: length -> MACs.
        timings: one a length and batch.
        machine: where it was measured.
    """

    upstream: str
    params: AtLeastOne
    layers: Count
    macs: AtLeastOne
    macs_seconds: Positive
    rtf: Positive
    macs_by_seconds: dict[str, AtLeastOne]
    timings: Annotated[tuple[Timing, ...], MinLen(1)]
    machine: Machine


@dataclass(frozen=True)
class Profiles(Artifact):
    """A `profile.json`."""

    FORMAT: ClassVar[str] = "profile"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune profile"

    rows: tuple[Profile, ...]
    versions: dict[str, str]


def write_profiles(path: str | Path, rows: Sequence[Profile]) -> Path:
    """Write the artifact.

    Raises:
        ArtifactError: what is at `path` is not an older one.
    """
    from ..versions import package_versions

    return Profiles(tuple(rows), package_versions()).write(path)


def read_profiles(paths: Iterable[str | Path]) -> list[Profile]:
    """The rows of one or several artifacts.

    Raises:
        ArtifactError: one is missing, damaged or of another kind; two have a row for one upstream; or two were
            measured on different machines, whose times do not belong in one column.
    """
    rows: dict[str, Profile] = {}
    for path in paths:
        for row in Profiles.read(path).rows:
            if row.upstream in rows:
                raise ArtifactError(f"{path}: a second profile of {row.upstream}")
            rows[row.upstream] = row
    one_machine(list(rows.values()))
    return list(rows.values())


def one_machine(rows: Sequence[Profile]) -> None:
    """Refuse profiles whose times do not belong in one column.

    Raises:
        ArtifactError: they were measured on different machines or devices.
    """
    for row in rows[1:]:
        if row.machine != rows[0].machine:
            raise ArtifactError(
                f"{rows[0].upstream} was profiled on {rows[0].machine}, {row.upstream} on {row.machine}; "
                "their times do not belong in one column: profile all on one machine"
            )
