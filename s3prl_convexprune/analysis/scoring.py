"""From points to a row a layer: its convexity, its certainty, and what a cut there costs."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Analysis, LayerRow
from ..convexity import graph_convexity
from ..convexity.variations import variations
from ..errors import ConvexPruneError
from ..fingerprint import settings_sha256
from ..progress import progress_bar
from ..schema import Artifact
from ..upstreams.cost import DepthCost, depth_costs
from ..upstreams.prune import state_depths
from .grouping import who_belongs_together
from .points import PointStore

logger = logging.getLogger(__name__)

MACS_SECONDS = 10.0


@dataclass(frozen=True)
class LayerScored(Artifact):
    """A layer that a killed analysis need not score again."""

    FORMAT: ClassVar[str] = "layer"
    VERSION: ClassVar[int] = 2
    MADE_BY: ClassVar[str] = "s3prl-convexprune analyze"

    row: LayerRow
    excluded: tuple[str, ...]
    variations: tuple[str, ...]


def costs_by_depth(expert: Any) -> dict[int, DepthCost]:
    """What every depth costs; nothing for an upstream that has no transformer layers to cut."""
    try:
        return {cost.layers: cost for cost in depth_costs(expert, seconds=MACS_SECONDS)}
    except ConvexPruneError as error:
        logger.warning("no costs by depth: %s", error)
        return {}


def depths_of_states(expert: Any, states: int) -> list[int | None]:
    """How many transformer layers each hidden state has behind it; None for one that no cut ends at."""
    try:
        return state_depths(expert, states)
    except ConvexPruneError:
        return list(range(states))


def score_layers(
    store: PointStore,
    depths: Sequence[int | None],
    labels: Sequence[str],
    groups: Sequence[str] | None,
    n_blocks: int | None,
    neighbors: int,
    draw_pairs: int | None,
    seed: int,
    costs: dict[int, DepthCost],
    progress: bool,
) -> tuple[list[LayerRow], tuple[str, ...], tuple[str, ...]]:
    """A row for every layer that a cut can end at, the classes left out, and the variations' names.

    What a killed run scored is kept.

    Args:
        store: the points of every hidden state.
        depths: `depths_of_states`.
        labels, groups: of the points; no groups take the points as independent.
        n_blocks: see `convexity.graph_convexity`.
        neighbors: K.
        draw_pairs: pairs a class to draw, for the paper's protocol.
        seed: of what is drawn.
        costs: `costs_by_depth`.
        progress: whether to show a bar.
    """
    rows: list[LayerRow] = []
    excluded: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    groups_key = settings_sha256({"groups": who_belongs_together(groups), "blocks": n_blocks, "seed": seed})[:12]
    for k, depth in enumerate(progress_bar(depths, unit="layer", desc="convexity", show=progress)):
        if depth is None:
            continue
        drawn = "" if draw_pairs is None else f"_{draw_pairs}_{seed}"
        by = "" if groups is None else f"_{groups_key}"
        kept = store.folder / f"convexity_{k:03d}_{neighbors}{drawn}{by}.json"
        if not kept.is_file():
            result = graph_convexity(
                store.layer(k),
                labels,
                n_neighbors=neighbors,
                groups=groups,
                n_blocks=n_blocks,
                draw_pairs=draw_pairs,
                seed=seed,
            )
            varied = variations(store.layer(k), labels, neighbors, groups=groups, seed=seed)
            row = LayerRow(
                layer=depth,
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
                params=costs[depth].params if depth in costs else None,
                macs=costs[depth].macs if depth in costs else None,
            )
            LayerScored(row, tuple(map(str, result.excluded)), tuple(varied)).write(kept)
        scored = LayerScored.read(kept)
        rows.append(scored.row)
        excluded, ways = scored.excluded, scored.variations
    return rows, excluded, ways


def finished_before(output: Path, key: str) -> Analysis | None:
    """The artifact that is there already, if it was made with everything that this key stands for."""
    if not output.is_file():
        return None
    try:
        analysis = Analysis.read(output)
    except ConvexPruneError:
        logger.warning("%s is not a readable analysis; it will be replaced", output)
        return None
    return analysis if analysis.settings.key == key else None
