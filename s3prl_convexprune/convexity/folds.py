"""Folds that share no group, so that what is tested was spoken by nobody who was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from s3prl_convexprune.errors import DataError


def group_folds(
    codes: np.ndarray, owner: np.ndarray, names: Sequence[Any], folds: int, *, kind: str = "group", seed: int = 0
) -> list[np.ndarray]:
    """Split points into folds of whole groups, classes spread as evenly as groups allow.

    Args:
        codes: ``[N]``, each point's class as a number.
        owner: ``[N]``, each point's group, 0 to G - 1.
        names: the classes, for messages.
        folds: how many at most; never more than there are groups.
        kind: what a group is, for messages.
        seed: of the shuffle.

    Returns:
        For each fold the indices of the points that are tested in it.

    Raises:
        DataError: there is one group, or a class that one group alone has.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    pairs = np.unique(np.stack([codes, owner]), axis=1)
    if pairs[1].max() == 0:
        raise DataError(f"all points have one {kind}; folds need two")
    for code, name in enumerate(names):
        if (pairs[0] == code).sum() < 2:
            raise DataError(
                f"the class {str(name)!r} has one {kind} only, which would be trained on or tested, never both"
            )
    splitter = StratifiedGroupKFold(max(2, min(folds, int(pairs[1].max()) + 1)), shuffle=True, random_state=seed)
    return [held_out for _, held_out in splitter.split(codes, codes, owner) if len(held_out)]
