"""What points and labels may be, checked once at the door so that no kernel ever sees anything else."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from s3prl_convexprune.errors import DataError

LARGEST = 1e150  # squares of coordinates beyond this overflow a double


def as_points(points: Any, *, at_least: int = 2, name: str = "points") -> np.ndarray:
    """Points as a C-contiguous ``[N, D]`` array of float32 or float64.

    Args:
        points: anything numpy reads as a matrix; half precision becomes float32, integers float64.
        at_least: the fewest points that make sense to the caller.
        name: what to call the argument in an error.

    Raises:
        DataError: not a matrix, too few points, NaN, infinite or absurdly large coordinates.
    """
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[1] == 0:
        raise DataError(f"{name} must be a matrix [points, dimensions]; got shape {array.shape}")
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise DataError(f"{name} must be real numbers; got {array.dtype}")
    if len(array) < at_least:
        raise DataError(f"{len(array)} {name} are too few; at least {at_least} are needed")
    wanted = np.float32 if array.dtype in (np.float16, np.float32) else np.float64
    array = np.ascontiguousarray(array, dtype=wanted)
    for start in range(0, len(array), 8192):
        block = array[start : start + 8192]
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            row = start + int(np.flatnonzero(bad)[0])
            raise DataError(f"{name}[{row}] holds NaN or infinity; every coordinate must be finite")
        if wanted is np.float64 and np.abs(block).max() > LARGEST:
            raise DataError(f"{name} reach beyond {LARGEST:g}, where squares overflow; rescale them")
    return array


def as_codes(labels: Iterable[Hashable], n_points: int, what: str = "label") -> tuple[np.ndarray, list[Hashable]]:
    """Labels of any hashable kind as int32 codes, and the labels in order of their first appearance.

    Args:
        labels: one a point.
        n_points: how many points there are.
        what: what they are, for messages.

    Raises:
        DataError: not one label a point, or a label that cannot be hashed.
    """
    values = labels.tolist() if hasattr(labels, "tolist") else labels
    if not isinstance(values, Iterable) or isinstance(values, str):
        raise DataError(f"one {what} a point is needed: {n_points} points but a single {type(values).__name__}")
    values = list(values)
    if len(values) != n_points:
        raise DataError(f"one {what} a point is needed: {n_points} points but {len(values)} {what}s")
    known: dict[Hashable, int] = {}
    codes = np.empty(n_points, np.int32)
    for row, label in enumerate(values):
        try:
            codes[row] = known.setdefault(label, len(known))
        except TypeError:
            raise DataError(
                f"{what}s[{row}] is a {type(label).__name__}, which cannot be hashed; use a string, a number or a tuple"
            ) from None
        if isinstance(label, float) and np.isnan(label):
            raise DataError(f"{what}s[{row}] is NaN; every point needs a {what}")
    return codes, list(known)


def as_threads(n_threads: int | None) -> int:
    """The number of worker threads: all cores this process may use when None.

    Raises:
        DataError: less than one.
    """
    if n_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_threads < 1:
        raise DataError(f"n_threads must be at least 1; got {n_threads}")
    return int(n_threads)
