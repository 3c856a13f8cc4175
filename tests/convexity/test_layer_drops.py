"""What is dropped: by block influence, by neighbours that change, and whole blocks, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from s3prl_convexprune.convexity.layer_drops import (
    block_influence,
    knn_influence,
    unit_norm,
    without_block,
    without_least,
)
from s3prl_convexprune.errors import DataError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("k", [1, 5])
def test_knn_influence_counts_neighbours_by_cosine(k):
    states = [RNG.normal(size=(40, 6)) * RNG.uniform(0.1, 10, (40, 1)) for _ in range(3)]
    found = [
        [set(row) for row in NearestNeighbors(n_neighbors=k, metric="cosine").fit(state).kneighbors()[1]]
        for state in states
    ]
    expected = [1 - np.mean([len(a & b) / k for a, b in zip(found[i], found[i + 1], strict=True)]) for i in range(2)]
    assert knn_influence(states, k) == pytest.approx(expected)


def test_a_layer_that_only_scales_has_no_influence():
    state = RNG.normal(size=(40, 6))
    assert knn_influence([state, state * RNG.uniform(1, 9, (40, 1)), RNG.normal(size=(40, 6))])[0] == 0


@pytest.mark.parametrize("drop", [0, 1, 4, 9])
def test_the_least_go_and_the_others_stay_in_order(drop):
    influence = RNG.permutation(10) / 10
    left = without_least(influence.tolist(), drop)
    gone = sorted(set(range(1, 11)) - set(left))
    assert left == sorted(left) and len(gone) == drop
    assert all(influence[a - 1] < influence[b - 1] for a in gone for b in left)


@pytest.mark.parametrize("drop", [0, 1, 3, 7, 8])
def test_the_block_that_goes_turns_least(drop):
    angles = RNG.uniform(size=(9, 9))
    left = without_block(angles, drop)
    starts = {first: angles[first, first + drop] for first in range(9 - drop)}
    first = min(starts, key=starts.get)
    if drop:
        assert left == [layer for layer in range(1, 9) if layer <= first or layer > first + drop]
    else:
        assert left == list(range(1, 9))


def test_the_influence_is_that_of_the_pair():
    cosines = np.clip(RNG.uniform(-1, 1, (5, 5)), -1, 1)
    assert block_influence(cosines) == pytest.approx([1 - cosines[i - 1, i] for i in range(1, 5)])


def test_a_zero_vector_has_no_direction():
    with pytest.raises(DataError, match=r"points\[1\] is the zero vector"):
        unit_norm([[1.0, 0.0], [0.0, 0.0]])
