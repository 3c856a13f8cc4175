"""Which layers published criteria of redundancy drop, without labels: block influence, and whole blocks by their angle.

Layers are counted from 1: layer i leads from state i - 1 to state i. How many are dropped is the caller's choice;
what is dropped need not lie together, nor at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.inputs import as_points
from s3prl_convexprune.convexity.similarity import mutual_knn
from s3prl_convexprune.errors import DataError


def block_influence(cosines: Any) -> list[float]:
    """How much each layer changes a frame's direction: ``BI(i) = 1 - mean cosine(state i - 1, state i)``.

    Men et al., "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect", 2024 (arXiv 2403.03853),
    section 3.2; the mean is over every frame of every utterance, as theirs is over tokens. The state after the last
    layer is the one the model gives, in pre-norm models after the final LayerNorm, as in their own program.

    Args:
        cosines: ``[S, S]``, the mean over frames of the cosine of every two states, shallowest first.

    Returns:
        S - 1 numbers, 0 to 2, the layer after the first state first.

    >>> [round(value, 2) for value in block_influence([[1, 0.9, 0.5], [0.9, 1, 0.6], [0.5, 0.6, 1]])]
    [0.1, 0.4]
    """
    return (1 - np.diagonal(np.asarray(cosines, dtype=np.float64), 1)).tolist()


def knn_influence(states: Sequence[Any], n_neighbors: int = 10) -> list[float]:
    """How much each layer changes who is near whom: block influence with the overlap of neighbours for the cosine.

    kNN-BI of Dorszewski et al., "How Redundant Is the Transformer Stack in Speech Representation Models?", 2024 (arXiv
    2409.16302): ``1 - mutual_knn(state i - 1, state i)``. Neighbours are those by cosine, as in the alignment that the
    paper takes (Huh et al. 2024, who norm their features).

    Args:
        states: points ``[N, D]`` of each state, row i of all being the same utterance.
        n_neighbors: K.

    Raises:
        DataError: as `mutual_knn`, or a zero vector.
    """
    units = [unit_norm(state) for state in states]
    return [1 - mutual_knn(below, above, n_neighbors) for below, above in zip(units, units[1:], strict=False)]


def unit_norm(points: Any) -> np.ndarray:
    """Points on the unit sphere, where the nearest are those with the largest cosine.

    Raises:
        DataError: a zero vector.
    """
    array = as_points(points).astype(np.float64)
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    if not norms.all():
        raise DataError(f"points[{int(np.argmin(norms))}] is the zero vector; it has no direction")
    return array / norms


def without_least(influence: Sequence[float], drop: int) -> list[int]:
    """The layers that are left when those of least influence go, all measured once on the whole model.

    Of equals the higher layer goes first.

    >>> without_least([0.3, 0.1, 0.2, 0.1], 2)
    [1, 3]
    """
    gone = sorted(range(len(influence)), key=lambda i: (influence[i], -i))[:drop]
    return [i + 1 for i in range(len(influence)) if i not in gone]


def without_block(angles: Any, drop: int) -> list[int]:
    """The layers that are left when the block goes whose first and last state are nearest in angle.

    Gromov et al., "The Unreasonable Ineffectiveness of the Deeper Layers", 2024 (arXiv 2403.17887), equation 6: the
    block of n layers after state l, ``l = argmin d(l, l + n)``, ``d = arccos(cosine) / pi``. They read the last token,
    the only one of a causal model that has heard everything. In an encoder every frame has, so the angle here is the
    mean over all frames. Of equals the higher block goes.

    Args:
        angles: ``[S, S]``, the mean angle of every two states, shallowest first.
        drop: n.

    >>> without_block([[0, 0.4, 0.5, 0.6], [0.4, 0, 0.1, 0.2], [0.5, 0.1, 0, 0.3], [0.6, 0.2, 0.3, 0]], 2)
    [1]
    """
    distances = np.diagonal(np.asarray(angles, dtype=np.float64), drop)
    first = len(distances) - 1 - int(np.argmin(distances[::-1]))
    return [layer for layer in range(1, len(angles)) if not first < layer <= first + drop]
