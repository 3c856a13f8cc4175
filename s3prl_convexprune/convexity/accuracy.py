"""How well a layer's points tell the classes apart: leave-one-out neighbours and a linear probe, in percent."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from s3prl_convexprune.convexity.folds import group_folds
from s3prl_convexprune.convexity.graph import NeighborGraph
from s3prl_convexprune.convexity.inputs import as_codes, as_points
from s3prl_convexprune.errors import DataError


def knn_accuracy(
    points: Any, labels: Iterable[Hashable], n_neighbors: int = 10, *, graph: NeighborGraph | None = None
) -> float:
    """The share of points whose nearest neighbours vote for their class, leaving the point itself out.

    Each neighbour has one vote. Where m classes share the most votes, one of them being the point's own, the point
    counts ``1 / m``: what drawing lots would give on average.

    Args:
        points: ``[N, D]``; None when `graph` is given.
        labels: N labels of any hashable kind.
        n_neighbors: K.
        graph: neighbours found before.

    Raises:
        DataError: as `graph_convexity`.
    """
    graph = graph or NeighborGraph.build(points, n_neighbors)
    codes, names = as_codes(labels, graph.n_points)
    lists = graph.trimmed(n_neighbors)
    n, classes = graph.n_points, len(names)
    rows = np.repeat(np.arange(n), np.diff(lists.indptr))
    ballots, votes = np.unique(rows * classes + codes[lists.indices], return_counts=True)
    voters = ballots // classes
    most = np.zeros(n, votes.dtype)
    np.maximum.at(most, voters, votes)
    won = votes == most[voters]
    winners = np.bincount(voters[won], minlength=n)
    own = won & (ballots % classes == codes[voters])
    return 100 * float((1 / winners[voters[own]]).sum() / n)


def probe_accuracy(
    points: Any,
    labels: Iterable[Hashable],
    *,
    groups: Iterable[Hashable] | None = None,
    folds: int = 5,
    seed: int = 1337,
) -> float:
    """Cross-validated accuracy of a linear probe: standardised points, multinomial logistic regression (L2, C = 1).

    Args:
        points: ``[N, D]``.
        labels: N labels of any hashable kind; without groups every class needs `folds` points.
        groups: N groups, such as speakers, that no two folds share; see `folds.group_folds`.
        folds: stratified folds; with groups at most as many as there are groups.
        seed: of the shuffle into folds.

    Raises:
        DataError: as `graph_convexity`, a class with fewer points than folds, or with one group only.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    array = as_points(points)
    codes, names = as_codes(labels, len(array))
    if len(names) < 2:
        raise DataError("a probe needs at least two classes")
    smallest = int(np.bincount(codes).argmin())
    if groups is not None:
        owner, _ = as_codes(groups, len(array))
        everyone = np.arange(len(array))
        held_out = group_folds(codes, owner, names, folds, seed=seed)
        splits: Any = [(np.setdiff1d(everyone, part), part) for part in held_out]
    elif np.bincount(codes)[smallest] >= folds:
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    else:
        raise DataError(
            f"{folds} folds need {folds} points a class; {names[smallest]!r} has {int(np.bincount(codes)[smallest])}"
        )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        predicted = cross_val_predict(probe, array, codes, cv=splits)
    return 100 * float(np.mean(predicted == codes))
