"""The parts of an analysis: a layer, what was loaded, what was measured on, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MinLen

from ..schema import AtLeastOne, Count, NotNegative, Part, Percent, Positive, Sha256, Share
from .approximation import Approximation

ROUNDING = 1e-5  # influences are kept to seven digits


@dataclass(frozen=True)
class LayerRow(Part):
    """One layer of an upstream.

    Args:
        layer: k, the state after k transformer layers; 0 is the input of the first.
        convexity: mean over the classes, in percent.
        sem: its standard error, in percent: by groups where the analysis has them (`Grouping`), else of independent
            points; None where the groups are too few to say.
        per_class: class -> convexity in percent.
        pair_convexity: mean over all scored pairs, in percent.
        capped_convexity: mean over pairs, at most 5000 a class, in percent (see `convexity.GraphConvexity`); what
            the paper's protocol scores a layer by.
        n_pairs: ordered pairs scored.
        disconnected: share of pairs without a path, 0 to 1; they score 0.
        influence: what each point, or each block of groups, adds to the error of `convexity` (see
            `convexity.GraphConvexity`), seven digits; with it two layers can be compared later, on another machine.
        params: parameters of the upstream cut here; None when it cannot be cut.
        macs: its multiply-accumulates for one utterance of `settings.macs_seconds`; None likewise.
        capped_sampling_sem: the error of `capped_convexity` that comes from drawing pairs; 0 when none were drawn.
        plain_sem: the standard error if all points were independent, in percent.
        variations: convexity measured in the ways that `Analysis.variations` names, in percent.
        sources: points that paths started from, where not from all.
        sampling_sem: the part of `sem` that comes from their draw; 0 when every pair was scored.
        approximation: how good its neighbours are; None when they are exact.
    """

    layer: Count
    convexity: Percent
    sem: NotNegative | None
    per_class: Annotated[dict[str, Percent], MinLen(1)]
    pair_convexity: Percent
    capped_convexity: Percent
    n_pairs: Count
    disconnected: Share
    influence: tuple[float, ...] = ()
    params: AtLeastOne | None = None
    macs: AtLeastOne | None = None
    capped_sampling_sem: NotNegative = 0.0
    plain_sem: NotNegative | None = None
    variations: tuple[Percent, ...] = ()
    sources: AtLeastOne | None = None
    sampling_sem: NotNegative = 0.0
    approximation: Approximation | None = None

    def __post_init__(self) -> None:
        mean = math.fsum(self.per_class.values()) / len(self.per_class)
        if abs(mean - self.convexity) > ROUNDING * 100:
            raise ValueError(f"convexity {self.convexity:g} is not the mean over its classes, {mean:g}")
        spread = math.hypot(*self.influence)
        if spread > (self.sem or 0) * (1 + ROUNDING) + ROUNDING:
            raise ValueError(f"sem {self.sem or 0:g} is smaller than what influence adds up to, {spread:g}")

    def drawing_sem(self, protocol: str) -> float:
        """The part of a score's error that comes from what a protocol drew: sources, and the paper's pairs."""
        return math.hypot(self.sampling_sem, self.capped_sampling_sem if protocol != "exact" else 0.0)


@dataclass(frozen=True)
class FineTuned(Part):
    """The run whose weights were measured: its folder as given, its task and seed, and which of its checkpoints."""

    run: str
    task: str
    seed: int
    checkpoint: str


@dataclass(frozen=True)
class Checkpoint(Part):
    """What was loaded: its absolute path, or its URL or model id (None: the upstream's own), and the SHA-256 of the
    loaded weights.

    After fine-tuning, `finetuned` says by which run.
    """

    path: str | None
    weights_sha256: Sha256
    finetuned: FineTuned | None = None


@dataclass(frozen=True)
class CorpusFacts(Part):
    """What was measured on.

    Args:
        name: what the corpus is called.
        fingerprint: SHA-256 over the sample's audio, segments and labels.
        split: which split; None for everything.
        n_points: points, one an utterance or segment.
        classes: class -> points.
        silent: points whose audio is digital silence, every sample the same.
        cut: points whose audio is longer than the protocol takes; its end was not heard.
    """

    name: str
    fingerprint: Sha256
    split: str | None
    n_points: AtLeastOne
    classes: dict[str, AtLeastOne]
    silent: Count = 0
    cut: Count = 0

    def __post_init__(self) -> None:
        if sum(self.classes.values()) != self.n_points:
            raise ValueError(f"n_points {self.n_points} is not the sum of classes")
        for part in ("silent", "cut"):
            if (count := getattr(self, part)) > self.n_points:
                raise ValueError(f"{part} {count} is more than n_points {self.n_points}")


@dataclass(frozen=True)
class Batches(Part):
    """How the utterances went through the upstream.

    Args:
        padded: whether files of unequal length shared a batch; their states are those of each file alone.
        seconds: audio a batch at most.
        window: seconds of a longer file that were heard at once; None: all of it.
        context: seconds on either side of a window that were heard and belong to its neighbours.
        count: how many batches.
        plan: SHA-256 over which utterances went together.
    """

    padded: bool
    seconds: Positive
    window: Positive | None
    context: NotNegative
    count: AtLeastOne
    plan: Sha256


@dataclass(frozen=True)
class Settings(Part):
    """Everything that was asked for, and the key that changes with anything the numbers depend on.

    What the protocol fixes (`analysis.protocols.Protocol`) stands here in full, not only by its name. `context` is what
    the upstream heard with a segment of a file: the ``file``, or the ``segment`` alone; `across` the groups within
    which no two points were neighbours; `classes` how many were drawn at most, None where all were taken.
    """

    per_class: AtLeastOne
    neighbors: AtLeastOne
    seed: Count
    split: str | None
    device: str
    pooling: str
    macs_seconds: Positive
    key: Sha256
    protocol: Literal["exact", "paper"] = "exact"
    samples: AtLeastOne | None = None
    pairs_a_class: AtLeastOne | None = None
    aggregate: str = "mean over classes of the mean over every ordered pair"
    neighbor_search: str = "exact"
    precision: Literal["bf16"] | None = None
    batches: Batches | None = None
    group: str | None = None
    group_blocks: AtLeastOne | None = None
    max_sources: AtLeastOne | Literal["auto"] | None = None
    context: Literal["file", "segment"] = "file"
    across: str | None = None
    approximate: bool = False
    classes: AtLeastOne | None = None


@dataclass(frozen=True)
class Grouping(Part):
    """Which points were taken to belong together: what the errors of the layers count.

    Args:
        kind: ``speaker``, ``session``, ``file``, a column of the corpus, or ``none``: every point for itself.
        groups: how many.
        blocks: in how many blocks they were left out; as many as groups when one at a time.
        degrees: of freedom of the errors; None when every point stands for itself.
        note: why not by speakers, or why there is no error; empty when there is nothing to say.
    """

    kind: str = "none"
    groups: Count = 0
    blocks: Count = 0
    degrees: Count | None = None
    note: str = ""

    @property
    def words(self) -> str:
        """What the errors are over, for people."""
        if self.kind == "none":
            return "points taken as independent"
        each = "one left out at a time" if self.blocks == self.groups else f"left out in {self.blocks} blocks"
        return f"{self.groups} {plural(self.kind)}, {each}"


def plural(kind: str) -> str:
    """A kind of group in the plural.

    >>> plural("speaker"), plural("take")
    ('speakers', 'groups of take')
    """
    return f"{kind}s" if kind in ("speaker", "session", "file") else f"groups of {kind}"
