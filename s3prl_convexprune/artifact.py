"""The analysis artifact: one JSON file that says how convex every layer is, and how that was measured.

It is all that `select`, the leaderboard and the report need, on this machine or another.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from . import atomic
from .convexity import GraphConvexity, choose_layer, probability_best
from .errors import ArtifactError, ConfigError

VERSION = 1


@dataclass(frozen=True)
class LayerRow:
    """One layer of an upstream.

    Args:
        layer: k, the state after k transformer layers; 0 is the input of the first.
        convexity: mean over the classes, in percent.
        sem: its standard error, in percent.
        per_class: class -> convexity in percent.
        pair_convexity: mean over all scored pairs, in percent.
        n_pairs: ordered pairs scored.
        disconnected: share of pairs without a path, 0 to 1; they score 0.
        influence: what each point adds to the error of `convexity` (see `convexity.GraphConvexity`), seven digits;
            with it two layers can be compared later, on another machine.
        params: parameters of the upstream cut here; None when it cannot be cut.
        macs: its multiply-accumulates for one utterance of `settings.macs_seconds`; None likewise.
    """

    layer: int
    convexity: float
    sem: float
    per_class: dict[str, float]
    pair_convexity: float
    n_pairs: int
    disconnected: float
    influence: list[float] = field(default_factory=list)
    params: int | None = None
    macs: int | None = None


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
class Analysis:
    """How convex every layer of an upstream is on one labelling of one corpus.

    Args:
        upstream: its name on the hub.
        checkpoint: `{"path": as given or None, "weights_sha256": of the loaded weights}`.
        corpus: `{"name", "fingerprint", "split", "n_points", "classes"}`.
        label: the label kind whose classes were measured.
        settings: everything that was asked for.
        versions: package -> version.
        layers: layer 0 to the last.
        excluded: classes left out of the scores.
    """

    upstream: str
    checkpoint: dict[str, Any]
    corpus: dict[str, Any]
    label: str
    settings: dict[str, Any]
    versions: dict[str, str]
    layers: list[LayerRow]
    excluded: list[str] = field(default_factory=list)

    def write(self, path: str | Path) -> Path:
        """Write the artifact, whole or not at all."""
        content = {"format": "s3prl-convexprune analysis", "version": VERSION, **asdict(self)}
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        one_line_a_list = re.sub(r"\[[\s\d.e+,-]+\]", lambda numbers: " ".join(numbers[0].split()), text)
        return atomic.write_text(path, one_line_a_list + "\n")

    @classmethod
    def read(cls, path: str | Path) -> Analysis:
        """Read an artifact.

        Raises:
            ArtifactError: the file is missing, is not an analysis, is of another version, or lacks a field.
        """
        path = Path(path)
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ArtifactError(f"{path}: the analysis cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ArtifactError(
                f"{path}: is not JSON; an analysis is written by 's3prl-convexprune analyze'"
            ) from error
        if not isinstance(given, dict) or given.get("format") != "s3prl-convexprune analysis":
            raise ArtifactError(f"{path}: is not an analysis; 's3prl-convexprune analyze' writes one")
        if given.get("version") != VERSION:
            raise ArtifactError(
                f"{path}: is of version {given.get('version')}; this package reads version {VERSION}: analyze again"
            )
        try:
            layers = [LayerRow(**row) for row in given["layers"]]
            return cls(
                **{key.name: given[key.name] for key in fields(cls) if key.name != "layers"}, layers=layers
            )
        except (KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: is incomplete ({error}); analyze again") from error

    def choose(self, policy: str = "argmax", max_macs: float | None = None) -> Choice:
        """Choose a layer.

        Args:
            policy: ``argmax``, ``within-sem`` or ``budget``.
            max_macs: for ``budget``: the share of the whole upstream's MACs, in (0, 1].

        Raises:
            ConfigError: the policy needs what is not there, or no layer fits the budget.
        """
        results = self.results()
        costs = self.mac_shares() if policy == "budget" else None
        layer = choose_layer(results, policy, costs=costs, max_cost=max_macs)
        return Choice(
            layer=self.layers[layer].layer,
            best=self.layers[choose_layer(results)].layer,
            policy=policy,
            probability_best=float(probability_best(results)[layer]),
        )

    def results(self) -> list[GraphConvexity]:
        """The layers as `convexity` compares them."""
        return [
            GraphConvexity(
                score=row.convexity,
                pair_score=row.pair_convexity,
                per_class=row.per_class,
                sem=row.sem,
                per_class_sem={},
                sampling_sem=0.0,
                n_pairs=row.n_pairs,
                disconnected=row.disconnected,
                excluded=tuple(self.excluded),
                influence=np.asarray(row.influence),
                settings=self.settings,
                compile_seconds=0.0,
            )
            for row in self.layers
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
        for row in self.layers:
            mark = "  <- most convex" if row.layer == best else ""
            lines.append(f"{row.layer:>5}  {row.convexity:>11.2f}  {row.sem:>5.2f}{mark}")
        return "\n".join(lines)
