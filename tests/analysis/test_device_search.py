"""Neighbours by way of torch are those of the exact engine, bit for bit; here torch's device is the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.analysis import device_search
from s3prl_convexprune.analysis.device_search import DeviceSearch
from s3prl_convexprune.convexity import NeighborGraph, graph_convexity


def same(points: np.ndarray, k: int, **more: object) -> None:
    exact = NeighborGraph.build(points, k, **more)  # type: ignore[arg-type]
    found = NeighborGraph.build(points, k, search=DeviceSearch("cpu"), **more)  # type: ignore[arg-type]
    for field in ("indptr", "indices", "distances"):
        np.testing.assert_array_equal(getattr(found.lists, field), getattr(exact.lists, field))


@pytest.mark.parametrize("tile", [(4096, 65_536), (64, 100), (7, 13)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiles_that_do_and_do_not_divide_the_points(
    tile: tuple[int, int], dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_search, "ROWS", tile[0])
    monkeypatch.setattr(device_search, "COLUMNS", tile[1])
    same(np.random.default_rng(0).normal(size=(331, 24)).astype(dtype), 9)


def test_copies_ties_and_near_points() -> None:
    rng = np.random.default_rng(1)
    same(rng.integers(0, 3, size=(300, 4)).astype(np.float32), 4)
    crowded = rng.normal(size=(400, 8))
    crowded[50:250] = crowded[0]
    same(crowded, 3)
    same(1e4 + 1e-2 * rng.normal(size=(200, 16)), 5)
    same(rng.normal(size=(12, 1)), 11)


def test_across_groups() -> None:
    points = np.random.default_rng(2).normal(size=(120, 6))
    same(points, 5, across=np.arange(120) % 4)


def test_scores_with_groups() -> None:
    points, labels = np.random.default_rng(3).normal(size=(150, 6)), np.arange(150) % 3
    groups = np.arange(150) // 3 % 5
    exact, found = (
        graph_convexity(points, labels, 5, groups=groups, **more)  # type: ignore[arg-type]
        for more in ({}, {"search": DeviceSearch("cpu")})
    )
    assert found.to_dict() | {"compile_seconds": 0} == exact.to_dict() | {"compile_seconds": 0}
