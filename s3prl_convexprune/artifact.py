"""The analysis artifact: one JSON file that says how convex every layer is, and how that was measured.

It is all that `select`, the leaderboard and the report need, on this machine or another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import MinLen

from .convexity import GraphConvexity, choose_layer, probability_best
from .errors import ConfigError
from .numbers import SHARE
from .paper import paper_depth
from .schema import Artifact, AtLeastOne, Count, NotNegative, Part, Percent, Positive, Sha256, Share

ROUNDING = 1e-5  # influences are kept to seven digits


@dataclass(frozen=True)
class LayerRow(Part):
    """One layer of an upstream.

    Args:
        layer: k, the state after k transformer layers; 0 is the input of the first.
        convexity: mean over the classes, in percent.
        sem: its standard error, in percent.
        per_class: class -> convexity in percent.
        pair_convexity: mean over all scored pairs, in percent.
        capped_convexity: mean over pairs, at most 5000 a class, in percent (see `convexity.GraphConvexity`); what
            the paper's protocol scores a layer by.
        n_pairs: ordered pairs scored.
        disconnected: share of pairs without a path, 0 to 1; they score 0.
        influence: what each point adds to the error of `convexity` (see `convexity.GraphConvexity`), seven digits;
            with it two layers can be compared later, on another machine.
        params: parameters of the upstream cut here; None when it cannot be cut.
        macs: its multiply-accumulates for one utterance of `settings.macs_seconds`; None likewise.
        capped_sampling_sem: the error of `capped_convexity` that comes from drawing pairs; 0 when none were drawn.
    """

    layer: Count
    convexity: Percent
    sem: NotNegative
    per_class: Annotated[dict[str, Percent], MinLen(1)]
    pair_convexity: Percent
    capped_convexity: Percent
    n_pairs: Count
    disconnected: Share
    influence: tuple[float, ...] = ()
    params: AtLeastOne | None = None
    macs: AtLeastOne | None = None
    capped_sampling_sem: NotNegative = 0.0

    def __post_init__(self) -> None:
        mean = math.fsum(self.per_class.values()) / len(self.per_class)
        if abs(mean - self.convexity) > ROUNDING * 100:
            raise ValueError(f"convexity {self.convexity:g} is not the mean over its classes, {mean:g}")
        spread = math.hypot(*self.influence)
        if spread > self.sem * (1 + ROUNDING) + ROUNDING:
            raise ValueError(f"sem {self.sem:g} is smaller than what influence adds up to, {spread:g}")


@dataclass(frozen=True)
class FineTuned(Part):
    """The run whose weights were measured: its folder as given, its task and seed, and which of its checkpoints."""

    run: str
    task: str
    seed: int
    checkpoint: str


@dataclass(frozen=True)
class Checkpoint(Part):
    """What was loaded: its path or URL as given (None: the upstream's own), and the SHA-256 of the loaded weights.

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

    What the protocol fixes (`analysis.protocols.Protocol`) stands here in full, not only by its name.
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


@dataclass(frozen=True)
class Choice:
    """A depth chosen from an analysis.

    Args:
        layer: the layer chosen: how many transformer layers are kept.
        best: the most convex layer.
        policy: the rule that chose.
        probability_best: of the chosen layer, that it is the most convex one, given the sampling error.
    """

    layer: int
    best: int
    policy: str
    probability_best: float


@dataclass(frozen=True)
class Analysis(Artifact):
    """How convex every layer of an upstream is on one labelling of one corpus.

    Args:
        upstream: its name on the hub.
        checkpoint: what was loaded.
        corpus: what was measured on.
        label: the label kind whose classes were measured.
        settings: everything that was asked for.
        versions: package -> version.
        layers: shallowest first.
        excluded: classes left out of the scores.
    """

    FORMAT: ClassVar[str] = "analysis"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune analyze"

    upstream: str
    checkpoint: Checkpoint
    corpus: CorpusFacts
    label: str
    settings: Settings
    versions: dict[str, str]
    layers: Annotated[tuple[LayerRow, ...], MinLen(1)]
    excluded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = len(self.layers[0].influence)
        if points not in (0, self.corpus.n_points):
            raise ValueError(f"layers.0.influence has {points} numbers for {self.corpus.n_points} points")
        for row, after in pairwise(self.layers):
            where = f"layer {after.layer}"
            if after.layer <= row.layer:
                raise ValueError(f"{where} stands after layer {row.layer}; each stands once, shallowest first")
            if len(after.influence) != points:
                raise ValueError(f"{where} has an influence of {len(after.influence)} points, not {points}")
            if after.per_class.keys() != row.per_class.keys():
                raise ValueError(f"{where} has other classes than layer {row.layer}")
            for cost in ("params", "macs"):
                below, here = getattr(row, cost), getattr(after, cost)
                if below is not None and here is not None and here < below:
                    raise ValueError(f"{where} has fewer {cost} than layer {row.layer}")

    @property
    def subject(self) -> str:
        """The upstream that was measured: ``hubert``, or fine-tuned ``hubert after ks``."""
        after = f" after {self.checkpoint.finetuned.task}" if self.checkpoint.finetuned else ""
        return f"{self.upstream}{after}"

    @property
    def title(self) -> str:
        """What was measured, for a legend: ``hubert: word``."""
        return f"{self.subject}: {self.label}"

    def choose(self, policy: str = "argmax", max_macs: float | None = None) -> Choice:
        """Choose a layer.

        Args:
            policy: ``argmax``: the most convex layer, the paper's principle. ``within-sem``: the shallowest that
                cannot be told from it. ``budget``: the most convex under `max_macs`. ``paper``: the depth that the
                paper used for this label and size of model, whatever was measured.
            max_macs: for ``budget``: the share of the whole upstream's MACs, in (0, 1].

        Raises:
            ConfigError: the policy needs what is not there, or no layer fits the budget.
        """
        if (policy == "budget") != (max_macs is not None):
            needs = "needs" if policy == "budget" else "is the only one that takes"
            raise ConfigError(
                f"the policy budget {needs} --max-macs (max_macs), the share of the whole upstream's MACs, such as 0.6"
            )
        if max_macs is not None:
            SHARE.check("--max-macs", max_macs)
        results = self.results()
        costs = self.mac_shares() if policy == "budget" else None
        if policy == "paper":
            depth = paper_depth(self.label, self.layers[-1].layer)
            layer = next(at for at, row in enumerate(self.layers) if row.layer == depth)
        else:
            layer = choose_layer(results, policy, costs=costs, max_cost=max_macs)
        return Choice(
            layer=self.layers[layer].layer,
            best=self.layers[choose_layer(results)].layer,
            policy=policy,
            probability_best=float(probability_best(results)[layer]),
        )

    def curve(self) -> list[tuple[int, float, float]]:
        """(layer, score, standard error) of every layer as the protocol scores it, in percent, shallowest first.

        By the paper's protocol the score is `capped_convexity`, and its error that of the mean over classes and of
        drawing pairs together; they are the same mean when classes are equally large.
        """
        if self.settings.protocol == "exact":
            return [(row.layer, row.convexity, row.sem) for row in self.layers]
        return [(row.layer, row.capped_convexity, math.hypot(row.sem, row.capped_sampling_sem)) for row in self.layers]

    def results(self) -> list[GraphConvexity]:
        """The layers as `convexity` compares them, scored as the protocol scores them."""
        return [
            GraphConvexity(
                score=score,
                pair_score=row.pair_convexity,
                capped_score=row.capped_convexity,
                capped_sampling_sem=row.capped_sampling_sem,
                per_class=row.per_class,
                sem=error,
                plain_sem=error,
                degrees=None,
                per_class_sem={},
                sampling_sem=row.capped_sampling_sem if self.settings.protocol != "exact" else 0.0,
                n_pairs=row.n_pairs,
                disconnected=row.disconnected,
                excluded=tuple(self.excluded),
                influence=np.asarray(row.influence),
                settings={"n_neighbors": self.settings.neighbors},
                compile_seconds=0.0,
            )
            for row, (_, score, error) in zip(self.layers, self.curve(), strict=True)
        ]

    def mac_shares(self) -> list[float]:
        """The share of the whole upstream's MACs that is left when it is cut at each layer."""
        macs = [row.macs for row in self.layers]
        if None in macs:
            raise ConfigError(f"the analysis of {self.upstream} has no MACs: it cannot be cut")
        return [count / macs[-1] for count in macs]  # type: ignore[operator]

    def table(self) -> str:
        """The scores as text, one line a layer, the most convex one marked."""
        best = self.choose("argmax").layer
        lines = [f"{'layer':>5}  {'convexity %':>11}  {'sem':>5}"]
        for layer, score, error in self.curve():
            mark = "  <- most convex" if layer == best else ""
            lines.append(f"{layer:>5}  {score:>11.2f}  {error:>5.2f}{mark}")
        return "\n".join(lines)
