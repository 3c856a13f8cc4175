"""Each tile of the product read both ways: the same lists whatever the blocks, the threads and the rooms are."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.convexity import knn, tiles
from s3prl_convexprune.convexity.knn import Neighbors, nearest_neighbors
from tests.convexity import oracle


def by_definition(points: np.ndarray, k: int) -> list[list[int]]:
    exact = oracle.distances(points)
    np.fill_diagonal(exact, np.inf)
    return [np.flatnonzero(row <= np.sort(row)[k - 1] * (1 + 1e-9)).tolist() for row in exact]


def rows(lists: Neighbors) -> list[list[int]]:
    return [sorted(row.tolist()) for row in np.split(lists.indices, lists.indptr[1:-1])]


@pytest.mark.parametrize(("strip", "block"), [(32, 32), (32, 128), (64, 128), (256, 1024)])
@pytest.mark.parametrize("n", [31, 64, 300, 517])
def test_blocks_that_do_and_do_not_divide_the_points(
    n: int, strip: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "STRIP", strip)
    monkeypatch.setattr(tiles, "BLOCK", block)
    points = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    assert rows(nearest_neighbors(points, 7, 1)) == by_definition(points, 7)


@pytest.mark.parametrize("blocks", [1, 2, 5, 8, 13])
def test_every_pair_of_blocks_is_multiplied_once(blocks: int) -> None:
    pairs = list(tiles._in_turn(blocks))
    assert sorted(pairs) == [(one, other) for one in range(blocks) for other in range(one, blocks)]


@pytest.mark.parametrize("n_threads", [2, 5])
def test_threads_change_no_bit(n_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "STRIP", 32)
    points = np.random.default_rng(1).integers(0, 3, size=(700, 6)).astype(np.float32)  # ties everywhere
    alone = nearest_neighbors(points, 4, 1)
    for _ in range(5):
        together = nearest_neighbors(points, 4, n_threads)
        for field in ("indptr", "indices", "distances"):
            np.testing.assert_array_equal(getattr(together, field), getattr(alone, field))


def test_crowded_rows_among_others() -> None:
    """Copies fill a row's room, and those rows alone are searched again; of equals the first comes first."""
    rng = np.random.default_rng(2)
    points = rng.normal(size=(900, 8))
    copies = rng.choice(900, 200, replace=False)
    points[copies] = points[copies[0]]
    lists = nearest_neighbors(points, 3, 1)
    assert rows(lists) == by_definition(points, 3)
    crowded = lists.indices[lists.indptr[copies[0]] : lists.indptr[copies[0] + 1]]
    assert crowded.tolist() == sorted(set(copies.tolist()) - {copies[0]})


def test_rows_out_of_order_do_not_matter() -> None:
    points = np.random.default_rng(3).normal(size=(knn.ROWS + 300, 16)).astype(np.float32)
    order = np.random.default_rng(4).permutation(len(points))
    straight, turned = nearest_neighbors(points, 5, 1), nearest_neighbors(points[order], 5, 1)
    np.testing.assert_array_equal(order[turned.indices.reshape(-1, 5)], straight.indices.reshape(-1, 5)[order])
    np.testing.assert_array_equal(turned.distances.reshape(-1, 5), straight.distances.reshape(-1, 5)[order])
