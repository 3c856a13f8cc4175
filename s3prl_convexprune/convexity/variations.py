"""The same classes' convexity measured otherwise: other K, other scales of the points, halves of them.

None of these choices is given by the question, so a layer that is the most convex one only for one of them is not firm.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from s3prl_convexprune.convexity.drawing import draw_sources
from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.groups import as_owners, most_neighbors
from s3prl_convexprune.convexity.inputs import as_codes, as_points, as_threads
from s3prl_convexprune.convexity.knn import Search, nearest_neighbors
from s3prl_convexprune.convexity.leave_out import class_scores
from s3prl_convexprune.convexity.subgraph import subgraph

NEIGHBORS = (5, 10, 20, 40)
SPLITS = 4
MANY = 4000  # points from which on paths start from MOST_SOURCES points a class
MOST_SOURCES = 100


def variations(
    points: np.ndarray,
    labels: Iterable[Hashable],
    n_neighbors: int = 10,
    *,
    groups: Iterable[Hashable] | None = None,
    across: Iterable[Hashable] | None = None,
    seed: int = 1337,
    n_threads: int | None = None,
    search: Search = nearest_neighbors,
) -> dict[str, float]:
    """The mean over classes, in percent, measured in up to 20 ways.

    With K = 5, 10, 20 and 40, each on the points as they are, on z-scored coordinates and on points of unit norm; from
    one neighbour list each. And with `n_neighbors` on both halves of four splits: of the groups, where each half of
    them has two points of each class, else of each class's points; from the first of the lists. What the points are
    too few for is left out.

    Args:
        points: ``[N, D]``.
        labels: N labels; classes of one point are left out.
        n_neighbors: K on the halves.
        groups: N groups whose points belong together.
        across: N groups whose points are no neighbours of each other.
        seed: of the splits.
        n_threads: worker threads; all cores when None.
        search: what finds neighbours.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> list(variations(rng.normal(size=(24, 3)), [0, 1] * 12, n_neighbors=3))[:4]
        ['K=5', 'K=10', 'K=20', 'K=5, z-scored']
    """
    array, threads = as_points(points), as_threads(n_threads)
    codes, _ = as_codes(labels, len(array))
    measured = np.bincount(codes) >= 2
    sources = draw_sources(codes, measured, MOST_SOURCES if len(codes) > MANY else None, seed)
    owners = None if across is None else as_owners(across, len(codes))
    most = most_neighbors(len(codes), owners)
    ks = [k for k in NEIGHBORS if k <= most]
    margin = min(most, max(NEIGHBORS[-1], n_neighbors))
    centred = array - array.mean(axis=0, dtype=np.float64)
    norms = np.linalg.norm(array.astype(np.float64), axis=1, keepdims=True)
    forms = {
        "": array,
        ", z-scored": centred / np.maximum(centred.std(axis=0), 1e-12),
        ", unit norm": array / np.maximum(norms, 1e-12),
    }
    found: dict[str, float] = {}
    for name, form in forms.items():
        graph = NeighborGraph.build(form, margin, across=owners, n_threads=threads, search=search)
        for k in ks:
            found[f"K={k}{name}"] = _mean(graph, codes, sources, threads, k)
        if name == "":
            whole = graph
    is_source = np.zeros(len(codes), bool)
    is_source[sources] = True
    together = None if groups is None else as_codes(groups, len(codes))[0]
    for split in range(SPLITS):
        first = _half(codes, together, measured, np.random.default_rng((seed, split)))
        if first is None:
            continue
        rooms = (most_neighbors(part.sum(), None if owners is None else owners[part]) for part in (first, ~first))
        if n_neighbors > min(rooms):
            continue
        for number, kept in enumerate((first, ~first), start=1):
            if np.bincount(codes[kept & is_source], minlength=len(measured))[measured].min() < 2:
                continue
            part = subgraph(whole, array, kept, n_neighbors, threads)
            found[f"half {number} of split {split + 1}"] = _mean(
                part, codes[kept], np.flatnonzero(is_source[kept]), threads, n_neighbors
            )
    return found


def _mean(graph: NeighborGraph, codes: np.ndarray, sources: np.ndarray, n_threads: int, k: int) -> float:
    scores = class_scores(graph, codes, sources, n_threads, k)
    return float(np.mean(list(scores.values())))


def _half(
    codes: np.ndarray, groups: np.ndarray | None, measured: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Which points are in the first half of a split; None where a class is too small to split."""
    if groups is not None:
        order = rng.permutation(groups.max() + 1)
        half = np.isin(groups, order[: len(order) // 2])
        if min(np.bincount(codes[kept], minlength=len(measured))[measured].min() for kept in (half, ~half)) >= 2:
            return half
    half = np.zeros(len(codes), bool)
    for c in np.flatnonzero(measured):
        members = rng.permutation(np.flatnonzero(codes == c))
        if len(members) < 4:
            return None
        half[members[: len(members) // 2]] = True
    return half
