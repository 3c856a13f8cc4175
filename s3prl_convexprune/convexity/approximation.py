"""What approximate neighbours do to a score: some of the points, scored with exact neighbours and without."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.approximate import ApproximateSearch
from s3prl_convexprune.convexity.drawing import draw_sources
from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.inputs import as_codes, as_points, as_threads
from s3prl_convexprune.convexity.leave_out import class_scores

SAMPLE, SOURCES = 5000, 100
MISSED = 0.1  # of the sample's neighbours, so that the difference is more than noise


@dataclass(frozen=True)
class Effect:
    """By how much approximate neighbours moved a score, in points of percent, and the standard error of that."""

    change: float
    error: float


def effect_on_score(
    points: Any,
    labels: Iterable[Hashable],
    search: ApproximateSearch,
    n_neighbors: int = 10,
    n_threads: int | None = None,
) -> Effect | None:
    """By how many points of percent a search that was made moved the score.

    Up to SAMPLE of the points are scored with exact neighbours and with a search that misses about a tenth of them,
    from the same sources. What each missed neighbour does is taken to be alike: where that changes the score by d and
    misses the share m, a search of all points that misses r changed it by ``d r / m``. d is a mean over classes, r and
    m are means over a few hundred points; of a product the squares of the relative errors add up.

    Args:
        points: ``[N, D]``, those that `search` searched.
        labels: N labels.
        search: with the recall of that search.
        n_neighbors: K.
        n_threads: worker threads; all cores when None.

    Returns:
        None where the sample cannot tell: it has no class of two points, or a search of it misses nothing.
    """
    array, threads = as_points(points), as_threads(n_threads)
    codes, _ = as_codes(labels, len(array))
    kept = np.sort(np.random.default_rng(search.seed).choice(len(array), min(len(array), SAMPLE), replace=False))
    few, codes = np.ascontiguousarray(array[kept]), codes[kept]
    measured = np.bincount(codes) >= 2
    if n_neighbors >= len(few) or not measured.any():
        return None
    sources = draw_sources(codes, measured, SOURCES, search.seed)
    again = ApproximateSearch(1 - MISSED, search.seed, first=1)
    exact, near = (
        np.array(list(class_scores(graph, codes, sources, threads).values()))
        for graph in (
            NeighborGraph.build(few, n_neighbors, n_threads=threads),
            NeighborGraph.build(few, n_neighbors, n_threads=threads, search=again),
        )
    )
    if again.recall == 1:
        return None
    changes, missed = near - exact, 1 - again.recall
    change = changes.mean()
    error = changes.std(ddof=1) / np.sqrt(len(changes)) if len(changes) > 1 else 0.0
    share = (1 - search.recall) / missed
    errors = share * error, share * change * again.recall_error / missed, change * search.recall_error / missed
    return Effect(float(share * change), float(np.linalg.norm(errors)))
