"""Where the engine's time goes, and what the machine could do at best: for `bench_convexity`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

DIMENSIONS, CLASSES, NEIGHBORS = 768, 10, 10


LARGE, MAX_SOURCES = 50_000, 2_000  # from this many points on: no reference, sources sampled


def make_points(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes on a 20-dimensional sheet with noise in all dimensions, float32 as hidden states are."""
    rng = np.random.default_rng(n)
    labels = np.arange(n) % CLASSES
    sheet = rng.normal(size=(CLASSES, 20))[labels] + rng.normal(size=(n, 20))
    points = (sheet @ rng.normal(size=(20, DIMENSIONS)) / np.sqrt(20)).astype(np.float32)
    for start in range(0, n, 8192):
        points[start : start + 8192] += 0.3 * rng.standard_normal((min(8192, n - start), DIMENSIONS), np.float32)
    return points, labels


def measure_parts(n: int) -> dict[str, Any]:
    """CPU seconds of each stage on one thread, and two floors under them.

    The floors: half the product of the points with themselves, which all distances need, at the machine's own rate
    for large float32 matrices; and every edge relaxed exactly once for every batch of sources, with nothing to decide
    about the order. Where sources are sampled, a tenth of them is timed and the time scaled.
    """
    from threadpoolctl import threadpool_limits

    from s3prl_convexprune.convexity import (
        NeighborGraph,
        compile_kernels,
        graph_convexity,
        knn,
        lanes,
        path_search,
        paths,
        tiles,
    )

    points, labels = make_points(n)
    compile_kernels()
    seconds = dict.fromkeys(("scan", "float64 distances", "paths", "scoring", "standard error"), 0.0)

    def timed(owner: Any, name: str, label: str) -> Any:
        function = getattr(owner, name)

        def wrapped(*args: Any) -> Any:
            start = time.process_time()
            result = function(*args)
            seconds[label] += time.process_time() - start
            return result

        setattr(owner, name, wrapped)
        return function

    timed(tiles, "propose", "scan")
    timed(tiles, "propose_both", "scan")
    timed(knn, "decide", "float64 distances")
    relax = timed(lanes, "shortest_keys", "paths")
    timed(lanes, "sum_shares", "scoring")
    timed(lanes, "sum_interior", "standard error")
    wanted, sampled = (CLASSES * MAX_SOURCES, MAX_SOURCES // 10) if n >= LARGE else (n, None)
    with threadpool_limits(1, "blas"):
        start = time.process_time()
        graph = NeighborGraph.build(points, NEIGHBORS, n_threads=1)
        neighbors = time.process_time() - start
        start = time.process_time()
        graph_convexity(None, labels, graph=graph, max_sources=sampled, n_threads=1)
        rest = time.process_time() - start
        gemm_rate = measure_gemm()
    seconds["product"] = neighbors - seconds["scan"] - seconds["float64 distances"]
    by_source = ("paths", "scoring", "standard error")
    seconds["graph"] = rest - sum(seconds[stage] for stage in by_source)
    if sampled is not None:
        for stage in by_source:
            seconds[stage] *= wanted / (CLASSES * sampled)
    codes = np.asarray(labels, dtype=np.int32)
    search = paths.search_with(graph.edges(), codes)
    keys, queue, queued = path_search.scratch_of(n)
    relax(*search.graph, search.codes, np.arange(lanes.LANES), keys, queue, queued)
    return {
        "seconds": seconds,
        "product_floor": 1.0 * n * n * DIMENSIONS / gemm_rate,
        "edges_floor": wanted / lanes.LANES * measure_sweep(search.graph, keys),
        "gemm_gflops": gemm_rate / 1e9,
    }


def measure_gemm() -> float:
    """Floating-point operations a CPU second in a large float32 product on one thread, the best of five."""
    a = np.random.default_rng(0).standard_normal((6144, DIMENSIONS), np.float32)
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        a[:3072] @ a.T
        best = min(best, time.process_time() - start)
    return 2.0 * 3072 * 6144 * DIMENSIONS / best


def measure_sweep(graph: tuple[np.ndarray, ...], keys: np.ndarray) -> float:
    """CPU seconds to relax every edge once in all lanes, the best of five; on finished keys, so none improves."""
    import numba

    from s3prl_convexprune.convexity.lanes import LANES, _relax

    @numba.njit
    def sweep(indptr, indices, weights, keys, base):  # type: ignore[no-untyped-def]
        improved = 0
        for v in range(indptr.shape[0] - 1):
            for lane in range(LANES):
                base[lane] = keys[v, lane] + 2**20
            for e in range(indptr[v], indptr[v + 1]):
                improved += _relax(keys, indices[e], weights[e], base)
        return improved

    best = float("inf")
    for run in range(6):
        start = time.process_time()
        sweep(*graph, keys, np.empty(LANES, np.int64))
        best = min(best, time.process_time() - start) if run else best
    return best
