"""How alike two layers are on the same points: the criteria of layer similarity that convexity is compared with.

arXiv 2409.16302 uses all three to find redundant layers of speech transformers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.inputs import as_points
from s3prl_convexprune.errors import DataError


def _pair(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = as_points(first, name="first"), as_points(second, name="second")
    if len(x) != len(y):
        raise DataError(f"two layers of the same points are needed; got {len(x)} and {len(y)} points")
    return x, y


def linear_cka(first: Any, second: Any) -> float:
    """Linear centred kernel alignment, 0 to 1.

    ``|Y'X|_F^2 / (|X'X|_F |Y'Y|_F)`` of the centred points; Kornblith et al., ICML 2019, equation 1 with a linear
    kernel. Unchanged by rotation, shift and uniform scaling of either layer.

    Args:
        first, second: ``[N, D1]`` and ``[N, D2]``, row i of both being the same utterance.

    Raises:
        DataError: different numbers of points, or a layer in which all points are the same.
    """
    x, y = (a.astype(np.float64) - a.mean(axis=0, dtype=np.float64) for a in _pair(first, second))
    if len(x) < max(x.shape[1], y.shape[1]):
        k, m = x @ x.T, y @ y.T
        cross, within_x, within_y = (k * m).sum(), np.linalg.norm(k), np.linalg.norm(m)
    else:
        cross = (np.linalg.norm(y.T @ x)) ** 2
        within_x, within_y = np.linalg.norm(x.T @ x), np.linalg.norm(y.T @ y)
    if within_x == 0 or within_y == 0:
        raise DataError("all points of a layer are the same; CKA is not defined")
    return float(cross / (within_x * within_y))


def mean_cosine(first: Any, second: Any) -> float:
    """The mean over points of the cosine between a point's two vectors, -1 to 1.

    Args:
        first, second: ``[N, D]``, layers of the same width, row i of both being the same utterance.

    Raises:
        DataError: different shapes, or a zero vector.
    """
    x, y = _pair(first, second)
    if x.shape[1] != y.shape[1]:
        raise DataError(f"a cosine needs layers of the same width; got {x.shape[1]} and {y.shape[1]}")
    norms = [np.sqrt(np.einsum("nd,nd->n", a, a, dtype=np.float64)) for a in (x, y)]
    for name, norm in zip(("first", "second"), norms, strict=True):
        if not norm.all():
            raise DataError(f"{name}[{int(np.argmin(norm))}] is the zero vector; it has no direction")
    return float(np.mean(np.einsum("nd,nd->n", x, y, dtype=np.float64) / (norms[0] * norms[1])))


def mutual_knn(first: Any, second: Any, n_neighbors: int = 10) -> float:
    """The mean share of a point's nearest neighbours that two layers have in common, 0 to 1.

    Huh et al., "The Platonic Representation Hypothesis", ICML 2024, with Euclidean neighbours. Where points tie with
    the K-th neighbour the sets are larger and the share is ``2 |A & B| / (|A| + |B|)``.

    Args:
        first, second: points ``[N, D1]`` and ``[N, D2]``, or a `NeighborGraph` of either.
        n_neighbors: K.

    Raises:
        DataError: different numbers of points, or not more than K of them.
    """
    graphs = [a if isinstance(a, NeighborGraph) else NeighborGraph.build(a, n_neighbors) for a in (first, second)]
    n = graphs[0].n_points
    if graphs[1].n_points != n:
        raise DataError(f"two layers of the same points are needed; got {n} and {graphs[1].n_points} points")
    lists = [graph.trimmed(n_neighbors) for graph in graphs]
    counts = [np.diff(one.indptr) for one in lists]
    flat = [np.repeat(np.arange(n), c) * n + one.indices for one, c in zip(lists, counts, strict=True)]
    common = np.bincount(np.intersect1d(flat[0], flat[1], assume_unique=True) // n, minlength=n)
    return float(np.mean(2 * common / (counts[0] + counts[1])))
