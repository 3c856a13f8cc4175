"""The analysis artifact: one JSON file that says how convex every layer is, and how that was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import MinLen

from ..budget import Budget
from ..convexity import GraphConvexity
from ..errors import ConfigError
from ..policies import DEFAULT_POLICY
from ..schema import Artifact
from .approximation import said_of
from .choosing import Choice, choose, decide, undecided
from .firmness import firmness
from .parts import Checkpoint, CorpusFacts, Grouping, LayerRow, Settings, plural
from .precision import PrecisionEffect


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
        grouping: what the standard errors count.
        precision_effect: what a reduced precision did to the scores; None in float32.
        variations: in which ways the layers were measured beside; see `convexity.variations`.
    """

    FORMAT: ClassVar[str] = "analysis"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune analyze"

    upstream: str
    checkpoint: Checkpoint
    corpus: CorpusFacts
    label: str
    settings: Settings
    versions: dict[str, str]
    layers: Annotated[tuple[LayerRow, ...], MinLen(1)]
    excluded: tuple[str, ...] = ()
    grouping: Grouping = Grouping()
    variations: tuple[str, ...] = ()
    precision_effect: PrecisionEffect | None = None

    def __post_init__(self) -> None:
        points = len(self.layers[0].influence)
        expected, of = self.corpus.n_points, "points"
        if self.grouping.kind != "none":
            expected, of = self.grouping.blocks, "blocks of groups"
        if points not in (0, expected):
            raise ValueError(f"layers.0.influence has {points} numbers for {expected} {of}")
        for row in self.layers:
            if len(row.variations) != len(self.variations):
                ways = len(self.variations)
                raise ValueError(f"layer {row.layer} has {len(row.variations)} variations, not {ways}")
        for row, after in pairwise(self.layers):
            where = f"layer {after.layer}"
            if after.layer <= row.layer:
                raise ValueError(f"{where} stands after layer {row.layer}; each stands once, shallowest first")
            if len(after.influence) != points:
                raise ValueError(f"{where} has an influence of {len(after.influence)} {of}, not {points}")
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

    def choose(self, policy: str = DEFAULT_POLICY, budget: Budget | None = None) -> Choice:
        """The layer that a policy names, whether or not the curve says anything; see `choosing.choose`."""
        return choose(self, policy, budget)

    def decide(self, policy: str = DEFAULT_POLICY, budget: Budget | None = None, fallback: str | None = None) -> Choice:
        """`choose`, unless the curve decides nothing; see `choosing.decide`."""
        return decide(self, policy, budget, fallback)

    def curve(self) -> list[tuple[int, float, float]]:
        """(layer, score, standard error) of every layer as the protocol scores it, in percent, shallowest first.

        By the paper's protocol the score is `capped_convexity`, and its error that of the mean over classes and of
        drawing pairs together; they are the same mean when classes are equally large. NaN stands for an error that is
        not known.
        """
        errors = [math.nan if row.sem is None else row.sem for row in self.layers]
        if self.settings.protocol == "exact":
            return [(row.layer, row.convexity, error) for row, error in zip(self.layers, errors, strict=True)]
        return [
            (row.layer, row.capped_convexity, math.hypot(error, row.capped_sampling_sem))
            for row, error in zip(self.layers, errors, strict=True)
        ]

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
                plain_sem=math.nan if row.plain_sem is None else row.plain_sem,
                degrees=self.grouping.degrees,
                per_class_sem={},
                sampling_sem=row.drawing_sem(self.settings.protocol),
                n_pairs=row.n_pairs,
                disconnected=row.disconnected,
                excluded=tuple(self.excluded),
                influence=np.asarray(row.influence),
                settings={"n_neighbors": self.settings.neighbors, "n_blocks": self.grouping.blocks},
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

    @property
    def _sources(self) -> str:
        """How much of the errors the draw of sources is, for people."""
        counts = sorted({row.sources or self.corpus.n_points for row in self.layers})
        several = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
        most = max(row.sampling_sem for row in self.layers)
        return (
            f"paths started from {several} of {self.corpus.n_points} points "
            f"(--max-sources {self.settings.max_sources}); a standard error of up to {most:.2f} comes from their draw"
        )

    def table(self) -> str:
        """The scores as text, one line per layer, the most convex one marked, and what is known of their certainty."""
        best = self.choose("argmax").layer
        lines = [f"{'layer':>5}  {'convexity %':>11}  {'sem':>5}"]
        for layer, score, error in self.curve():
            mark = "  <- most convex" if layer == best else ""
            shown = "-" if math.isnan(error) else f"{error:.2f}"
            lines.append(f"{layer:>5}  {score:>11.2f}  {shown:>5}{mark}")
        if self.settings.max_sources is not None:
            lines.append(self._sources)
        if near := [row.approximation for row in self.layers if row.approximation is not None]:
            lines.append(said_of(near))
        if self.precision_effect is not None:
            lines.append(self.precision_effect.words(str(self.settings.precision), self.corpus.n_points))
        if self.settings.across is not None:
            lines.append(f"neighbours: across {plural(self.settings.across)} only")
        lines.append(f"standard errors: {self.grouping.words}" + (self.grouping.note and f" ({self.grouping.note})"))
        if said := firmness(self):
            lines.append(f"most convex: {said}")
        if reason := undecided(self):
            lines.append(reason)
        return "\n".join(lines)
