"""One layer's convexity from its points on disk: what each process that scores layers does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ..artifact import LayerRow
from ..artifact.approximation import Approximation
from ..convexity import graph_convexity
from ..convexity.approximate import ApproximateSearch
from ..convexity.approximation import effect_on_score
from ..convexity.knn import Search, nearest_neighbors
from ..convexity.variations import variations
from ..fingerprint import settings_sha256
from ..schema import Artifact


@dataclass(frozen=True)
class LayerScored(Artifact):
    """A layer that a killed analysis need not score again."""

    FORMAT: ClassVar[str] = "layer"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune analyze"

    row: LayerRow
    excluded: tuple[str, ...]
    variations: tuple[str, ...]


@dataclass(frozen=True)
class Scoring:
    """How layers are scored; the points apart, everything that their numbers depend on.

    Args:
        labels, groups: of the points; no groups take the points as independent.
        n_blocks, max_sources, draw_pairs: see `convexity.graph_convexity`.
        neighbors: K.
        seed: of what is drawn.
        across: groups of the points within which there are no neighbours.
        approximate: whether neighbours are found by `convexity.approximate`.
        device: where exact neighbours are proposed; the numbers do not depend on it.
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...] | None
    n_blocks: int | None
    neighbors: int
    max_sources: int | Literal["auto"] | None
    draw_pairs: int | None
    seed: int
    across: tuple[str, ...] | None = None
    approximate: bool = False
    device: str = "cpu"

    @property
    def key(self) -> str:
        """Says what a kept layer was scored with."""
        return settings_sha256({**asdict(self), "device": None})[:12]

    def search(self) -> Search:
        """What finds neighbours."""
        if self.approximate:
            return ApproximateSearch(seed=self.seed)
        if not self.device.startswith("cuda"):
            return nearest_neighbors
        from .device_search import DeviceSearch

        return DeviceSearch(self.device)


@dataclass(frozen=True)
class Layer:
    """A layer to score.

    Args:
        points: the file of its points.
        kept: where its `LayerScored` goes.
        depth, params, macs: as in its row.
    """

    points: str
    kept: str
    depth: int
    params: int | None
    macs: int | None


def score_layer(layer: Layer, how: Scoring, n_threads: int | None = None) -> None:
    """Score a layer and keep what was found, unless it is kept already.

    Args:
        layer: which, and where.
        how: the labels and the rest.
        n_threads: worker threads, whose number changes no bit; all cores when None.

    Raises:
        DataError: see `convexity.graph_convexity`.
    """
    if Path(layer.kept).is_file():
        return
    points, search = np.load(layer.points), how.search()
    result = graph_convexity(
        points,
        how.labels,
        n_neighbors=how.neighbors,
        groups=how.groups,
        n_blocks=how.n_blocks,
        across=how.across,
        max_sources=how.max_sources,
        draw_pairs=how.draw_pairs,
        seed=how.seed,
        n_threads=n_threads,
        search=search,
    )
    approximation = None
    if isinstance(search, ApproximateSearch):
        effect = effect_on_score(points, how.labels, search, how.neighbors, n_threads)
        change, error = (None, None) if effect is None else (effect.change, effect.error)
        approximation = Approximation(search.recall, search.probes, search.lists, change, error)
    varied = variations(
        points,
        how.labels,
        how.neighbors,
        groups=how.groups,
        across=how.across,
        seed=how.seed,
        n_threads=n_threads,
        search=how.search(),
    )
    row = LayerRow(
        layer=layer.depth,
        convexity=result.score,
        sem=None if math.isnan(result.sem) else result.sem,
        plain_sem=result.plain_sem,
        variations=tuple(varied.values()),
        per_class={str(name): value for name, value in result.per_class.items()},
        pair_convexity=result.pair_score,
        capped_convexity=result.capped_score,
        capped_sampling_sem=result.capped_sampling_sem,
        n_pairs=result.n_pairs,
        disconnected=result.disconnected,
        influence=tuple(float(f"{value:.7g}") for value in result.influence),
        params=layer.params,
        macs=layer.macs,
        sources=None if how.max_sources is None else result.settings["n_sources"],
        sampling_sem=result.sampling_sem,
        approximation=approximation,
    )
    LayerScored(row, tuple(map(str, result.excluded)), tuple(varied)).write(layer.kept)


def score_each(layers: list[Layer], how: Scoring, n_threads: int | None = None) -> Iterator[Layer]:
    """`score_layer` for several, each given back when it is kept."""
    for layer in layers:
        score_layer(layer, how, n_threads)
        yield layer
