"""From points to a row per layer: its convexity, its certainty, and what a cut there costs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..artifact import Analysis, LayerRow
from ..errors import ConvexPruneError
from ..progress import progress_bar
from ..upstreams.cost import DepthCost, depth_costs
from ..upstreams.families import family_of
from ..upstreams.prune import kept_final_norm, state_depths
from .layer_scoring import Layer, LayerScored, Scoring, score_each
from .layer_workers import score_in_processes
from .points import PointStore

logger = logging.getLogger(__name__)

MACS_SECONDS = 10.0


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


def depths_of_points(expert: Any, arrays: int, kept: bool) -> tuple[list[int | None], str | None]:
    """What each array of a store has behind it, and what becomes of the last LayerNorm in the family's cuts.

    Args:
        expert: the upstream.
        arrays: how many the store has.
        kept: whether points are to be kept: then `extract_points` has put each state but the last behind the last
            LayerNorm too, where the upstream has one.

    Returns:
        A depth an array, None for one that is not scored; and ``"keep"`` or ``"drop"``, None where nothing is.
    """
    if not kept or kept_final_norm(expert) is None:
        return depths_of_states(expert, arrays), None
    states = (arrays + 1) // 2
    return [*depths_of_states(expert, states), *[None] * (states - 1)], family_of(expert).norm_of_cuts(None)


def score_layers(
    store: PointStore,
    depths: Sequence[int | None],
    how: Scoring,
    costs: dict[int, DepthCost],
    jobs: int,
    progress: bool,
) -> tuple[list[LayerRow], tuple[str, ...], tuple[str, ...]]:
    """A row for every layer that a cut can end at, the classes left out, and the variations' names.

    What a killed run scored is kept.

    Args:
        store: the points of every hidden state.
        depths: `depths_of_states`.
        how: the labels and the rest.
        costs: `costs_by_depth`.
        jobs: layers that are scored at a time, each by a process of its own.
        progress: whether to show a bar.
    """
    layers = []
    for k, (points, depth) in enumerate(zip(store.layer_paths(), depths, strict=True)):
        if depth is not None:
            kept = store.folder / f"convexity_{k:03d}_{how.key}.json"
            cost = costs.get(depth)
            params, macs = (None, None) if cost is None else (cost.params, cost.macs)
            layers.append(Layer(str(points), str(kept), depth, params, macs))
    scoring = score_each(layers, how) if jobs == 1 else score_in_processes(layers, how, jobs)
    for _ in progress_bar(scoring, total=len(layers), unit="layer", desc="convexity", show=progress):
        pass
    found = [LayerScored.read(layer.kept) for layer in layers]
    return [layer.row for layer in found], found[-1].excluded, found[-1].variations


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
