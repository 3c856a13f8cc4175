"""Graph convexity: how much of the shortest paths between members of a class stays inside the class."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from s3prl_convexprune.convexity.drawing import draw_sources, drawn_mean, of_one_place
from s3prl_convexprune.convexity.enough_sources import sums_from_enough
from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.groups import FEWEST, as_blocks, check_across, most_neighbors
from s3prl_convexprune.convexity.inputs import as_codes, as_points, as_threads
from s3prl_convexprune.convexity.jackknife import ClassEstimate, estimate_class
from s3prl_convexprune.convexity.knn import Search, nearest_neighbors
from s3prl_convexprune.convexity.leave_out import without_blocks
from s3prl_convexprune.convexity.paths import class_sums
from s3prl_convexprune.convexity.result import GraphConvexity
from s3prl_convexprune.convexity.subgraph import with_margin
from s3prl_convexprune.errors import DataError

PAIRS_A_CLASS = 5000  # nnconvexity's default


def graph_convexity(
    points: Any,
    labels: Iterable[Hashable],
    n_neighbors: int = 10,
    *,
    groups: Iterable[Hashable] | None = None,
    n_blocks: int | None = None,
    across: Iterable[Hashable] | None = None,
    graph: NeighborGraph | None = None,
    max_sources: int | Literal["auto"] | None = None,
    draw_pairs: int | None = None,
    seed: int = 1337,
    n_threads: int | None = None,
    progress: bool = False,
    search: Search = nearest_neighbors,
) -> GraphConvexity:
    """How convex the classes are, by shortest paths in the K-nearest-neighbour graph.

    For every ordered pair of points of one class: the share of the interior vertices of their shortest path that
    belong to the class; 1 if the path is a single edge, 0 if there is none. Tetkova et al., "On convex decision
    regions in deep network representations", Nature Communications 16, 5419 (2025). Every pair is scored; nothing
    is drawn at random unless `max_sources` says so.

    Ties. Of equally short paths the one with the fewest edges counts, and of those the one with the fewest vertices
    outside the class. "Equally short" means equal after each edge's length is rounded to a unit of about
    ``2**-36`` of the longest edge (`paths.edge_keys`). Points as near as the K-th neighbour are all neighbours. So
    the score does not depend on the order of the rows, and copies of a point are neighbours at distance zero. A class
    whose points are all copies of one is excluded, as a class of one point is: it has no two places to go between.

    Args:
        points: ``[N, D]`` one vector an utterance or segment; None when `graph` is given.
        labels: N labels of any hashable kind.
        n_neighbors: K; at most the graph's own when `graph` is given.
        groups: N groups of any hashable kind whose points belong together, such as speakers: `sem` and `influence`
            then say how the score moves from group to group, by leaving out one at a time and making the graph anew.
            None takes the points for independent.
        n_blocks: leave the groups out in so many blocks of several; None leaves out one at a time up to 20 groups,
            20 blocks of them from there on.
        across: N groups of any hashable kind, such as speakers, whose points are never neighbours of each other: a
            class is then convex where other speakers' points of it lie near, not the same speaker's. None lets all
            points be neighbours.
        graph: neighbours found before, for another labeling of the same points or a smaller K; across groups where it
            was built so.
        max_sources: start paths from at most this many points a class, drawn by `seed`, and estimate the mean over
            all pairs by ``2 mean(sources x class) - mean(sources x sources)``; ``"auto"`` takes as many of each class
            as keep its standard error within 10 % of what all would give (`enough_sources`); None scores every pair.
        draw_pairs: draw at most this many ordered pairs of each class, without replacement, and let `capped_score` be
            their mean, as `nnconvexity` does; every other number stays what it is. None draws nothing.
        seed: of those draws.
        n_threads: worker threads; all cores when None.
        progress: show bars.
        search: what finds neighbours where no graph is given; see `NeighborGraph.build`.

    Raises:
        DataError: points that are not finite numbers, not more than K of them, not one label a point, fewer than
            two labels, no label with two points that differ, groups that cannot be left out (`groups.as_blocks`), or
            groups between which no class could hold together (`groups.check_across`).

    Example:
        >>> import numpy as np
        >>> line = np.arange(8.0)[:, None]
        >>> graph_convexity(line, ["a"] * 4 + ["b"] * 4, n_neighbors=1).per_class
        {'a': 100.0, 'b': 100.0}
        >>> round(graph_convexity(line, list("aabbbbaa"), n_neighbors=1).per_class["a"], 2)
        45.56
    """
    if graph is None and points is None:
        raise DataError("points or a graph built from them are needed; got neither")
    array = None if points is None else as_points(points)
    if graph is not None and array is not None and len(array) != graph.n_points:
        raise DataError(f"the graph was built from {graph.n_points} points; got {len(array)}")
    codes, names = as_codes(labels, graph.n_points if array is None else len(array))  # type: ignore[union-attr]
    if len(names) < 2:
        raise DataError(f"every point is labelled {names[0]!r}; convexity needs at least two classes")
    sizes = np.bincount(codes)
    if sizes.max() < 2:
        raise DataError(f"each of the {len(names)} labels has a single point; a class needs two")
    if max_sources is not None and max_sources != "auto" and (isinstance(max_sources, str) or max_sources < 3):
        raise DataError(f"max_sources must be at least 3, or 'auto'; got {max_sources!r}")
    if draw_pairs is not None and draw_pairs < 1:
        raise DataError(f"draw_pairs must be at least 1; got {draw_pairs}")
    blocks = None if groups is None else as_blocks(groups, codes, names, n_blocks, seed)

    if graph is not None and across is not None:
        raise DataError("a graph is there already; give across to NeighborGraph.build")
    owners = None if across is None else check_across(across, codes, names)

    compile_seconds = compile_kernels()
    threads = as_threads(n_threads)
    if graph is None:
        if blocks is None or not 1 <= n_neighbors <= most_neighbors(len(codes), owners):
            graph = NeighborGraph.build(
                array, n_neighbors, across=owners, n_threads=threads, progress=progress, search=search
            )
        else:
            assert array is not None
            graph = with_margin(array, blocks.of, n_neighbors, threads, progress, owners, search)
    measured = (sizes >= 2) & ~of_one_place(graph, codes, sizes)
    if not measured.any():
        raise DataError("the points of every class are copies of one point: there is nothing to measure")
    edges = graph.edges(n_neighbors)
    if max_sources == "auto":
        found = sums_from_enough(edges, codes, measured, seed, threads, progress)
    else:
        found = class_sums(edges, codes, draw_sources(codes, measured, max_sources, seed), threads, progress)
    started = []
    estimates: dict[Hashable, ClassEstimate] = {}
    influence = np.zeros(len(codes))
    pairs_of_points = []
    for c, sums in found:
        started.append(sums.members[sums.is_source])
        estimates[names[c]], share = estimate_class(sums, codes)
        influence += share
        if sizes[c] == 2:
            pairs_of_points.append((sums.members, estimates[names[c]].score))

    values, sources = list(estimates.values()), np.concatenate(started)
    score = float(np.mean([e.score for e in values]))
    # Stands in for the ends of a class of two: its distance from the mean class.
    for members, value in pairs_of_points:
        influence[members] += (value - score) / np.sqrt(2)
    influence /= len(values)
    sampling_sem = float(np.sqrt(sum(e.sampling_variance for e in values))) / len(values)
    plain_sem = float(np.sqrt((influence**2).sum() + sampling_sem**2))
    sem, per_class_sem, degrees = plain_sem, {label: e.sem for label, e in estimates.items()}, None
    if blocks is not None:
        degrees = blocks.degrees
        without = without_blocks(graph, array, codes, names, sources, blocks, n_neighbors, threads, progress)
        by_class = blocks.influence(without)
        influence = by_class.mean(axis=1)
        sem = float(np.sqrt((influence**2).sum() + sampling_sem**2))
        errors = np.sqrt((by_class**2).sum(axis=0) + [e.sampling_variance for e in values])
        if blocks.n_blocks < FEWEST:
            influence, sem, errors = influence[:0], float("nan"), np.full(len(values), np.nan)
        per_class_sem = dict(zip(estimates, errors.tolist(), strict=True))
    pairs = np.array([e.possible_pairs for e in values], dtype=float)
    if draw_pairs is None:
        weights = np.minimum(pairs, PAIRS_A_CLASS)
        capped, capped_error = float(np.average([e.score for e in values], weights=weights)), 0.0
    else:
        capped, capped_error = drawn_mean(edges, codes, measured, draw_pairs, seed, threads)
    return GraphConvexity(
        score=score,
        pair_score=float(np.average([e.score for e in values], weights=pairs)),
        capped_score=capped,
        capped_sampling_sem=capped_error,
        per_class={label: e.score for label, e in estimates.items()},
        sem=sem,
        plain_sem=plain_sem,
        degrees=degrees,
        per_class_sem=per_class_sem,
        sampling_sem=sampling_sem,
        n_pairs=sum(e.scored_pairs for e in values),
        disconnected=float(np.average([e.disconnected for e in values], weights=pairs)),
        excluded=tuple(names[c] for c in np.flatnonzero(~measured)),
        influence=influence,
        settings={
            "n_points": len(codes),
            "n_classes": len(values),
            "n_neighbors": n_neighbors,
            "n_groups": None if blocks is None else blocks.n_groups,
            "n_blocks": None if blocks is None else blocks.n_blocks,
            "max_sources": max_sources,
            "n_sources": len(sources),
            "draw_pairs": draw_pairs,
            "seed": seed if max_sources is not None or draw_pairs is not None else None,
        },
        compile_seconds=compile_seconds,
    )


@lru_cache(maxsize=1)
def _kernels_ready() -> bool:
    points = np.random.default_rng(0).normal(size=(40, 3))
    codes = np.arange(40, dtype=np.int32) % 2
    for dtype in (np.float32, np.float64):
        graph = NeighborGraph.build(points.astype(dtype), 3, n_threads=1)
    list(class_sums(graph.edges(), codes, np.arange(40), 1))
    blocks = as_blocks(np.arange(40) // 2 % 5, codes, ["a", "b"])
    without_blocks(graph, points, codes, ["a", "b"], np.arange(40), blocks, 3, 1)
    with_margin(points, blocks.of, 3, 1)
    return True


def compile_kernels() -> float:
    """Compile the kernels, or load them from numba's cache, ahead of a timed call; seconds it took, 0 if done."""
    started = time.perf_counter()
    fresh = _kernels_ready.cache_info().currsize == 0
    _kernels_ready()
    return time.perf_counter() - started if fresh else 0.0
