"""How long one pass takes when an upstream is cut at each depth, on one machine: what a budget in time is held to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

from annotated_types import MinLen

from ..schema import Artifact, AtLeastOne, Count, Part, Positive


@dataclass(frozen=True)
class DepthTime(Part):
    """One depth: transformer layers kept, the median time of a pass and its quartiles, and time by audio time."""

    layers: Count
    latency_ms: Positive
    quartiles_ms: tuple[Positive, Positive]
    rtf: Positive


@dataclass(frozen=True)
class DepthTimes(Artifact):
    """What ``profile --by-depth`` writes.

    Attributes:
        upstream: its name on the hub, whole.
        ckpt: the checkpoint that was given.
        seconds: length of the one utterance of a pass.
        repeats: rounds; every round passes each depth once.
        machine: what it ran on: processor, device, cores and threads.
        threads: that torch might use.
        depths: shallowest first, the whole upstream last.
        versions: package -> version.
    """

    FORMAT: ClassVar[str] = "times by depth"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune profile --by-depth"

    upstream: str
    ckpt: str | None
    seconds: Positive
    repeats: AtLeastOne
    machine: str
    threads: AtLeastOne
    depths: Annotated[tuple[DepthTime, ...], MinLen(1)]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        for row, after in pairwise(self.depths):
            if after.layers <= row.layers:
                raise ValueError(f"depth {after.layers} stands after {row.layers}; each stands once, shallowest first")
