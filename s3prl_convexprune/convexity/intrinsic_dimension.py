"""The dimension of the manifold that points lie on, from their two nearest neighbours alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.inputs import as_points
from s3prl_convexprune.errors import DataError

DISCARDED = 0.1  # of the ratios, the largest, as in the paper


def two_nn(points: Any) -> float:
    """The intrinsic dimension by TwoNN.

    Facco et al., "Estimating the intrinsic dimension of datasets by a minimal neighborhood information", Scientific
    Reports 7, 12140 (2017). Where the density is even at the scale of the second neighbour, the shells between
    neighbours have independent exponential volumes, so the ratio ``mu = r2 / r1`` of the distances to the second and
    the first has the distribution ``F(mu) = 1 - mu^-d``. So ``-log(1 - F) = d log mu``, a line through the origin: its
    slope is fitted by least squares to the sorted ratios with F the share of points up to each, the largest tenth of
    the ratios left out. A copy of a point counts once.

    Args:
        points: ``[N, D]``.

    Raises:
        DataError: points that are not finite numbers, or fewer than three that differ.
    """
    array = np.unique(as_points(points), axis=0)
    if len(array) < 3:
        raise DataError(f"{len(array)} different points are too few for two neighbours")
    lists = NeighborGraph.build(array, 2).lists
    nearest, second = lists.distances[lists.indptr[:-1]], lists.distances[lists.indptr[:-1] + 1]
    ratios = np.sort(np.log(second / nearest))
    logs = ratios[: int(len(ratios) * (1 - DISCARDED))]
    up_to = np.arange(1, len(logs) + 1) / len(ratios)
    if not logs.any():
        raise DataError("every point's two nearest are equally far, as on a grid; that says nothing of a dimension")
    return float(-(logs @ np.log(1 - up_to)) / (logs @ logs))
