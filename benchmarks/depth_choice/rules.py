"""Rules that choose a depth from one forward pass over labelled training data, convexity among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s3prl_convexprune.analysis.analyze import analyze, open_corpus
from s3prl_convexprune.analysis.hidden_states import extract_points
from s3prl_convexprune.analysis.manifest import with_label
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.convexity.similarity import linear_cka, mean_cosine
from s3prl_convexprune.registry import build_upstream

FOLDS = 5


def chosen_depths(upstream: str, label: str, folder: Path) -> dict[str, int]:
    """The depth that each rule chooses, 1 or more (every rival here keeps at least one layer).

    - ``convexity``: the most convex layer, the paper's principle.
    - ``convexity within sem``: the shallowest layer that cannot be told from it.
    - ``probe``: the layer with the best accuracy of a logistic regression, by 5-fold cross-validation on the same
      points.
    - ``CKA``, ``cosine``: label-free. The knee of the similarity to the last layer: the layer whose similarity lies
      farthest above the straight line from layer 0 to the last.

    Args:
        upstream: the whole upstream.
        label: whose classes are measured; the corpus is the demo's, its training split.
        folder: where analyses and points are kept, for a later call to find.
    """
    utterances = open_corpus("demo", label)
    analysis = analyze(upstream, utterances, label, folder / f"{label}.json", corpus="demo")
    scores = [score for _, score, _ in analysis.curve()]
    sample = with_label(utterances, label, None)
    store = PointStore(folder / f"{label}.points", f"{upstream} {label}", len(sample))
    extract_points(build_upstream(upstream), sample, store)
    layers = [store.layer(k) for k in range(len(scores))]
    labels = np.asarray([utterance.labels[label] for utterance in sample])
    return {
        "convexity": _best(scores),
        "convexity within sem": max(1, analysis.choose("within-sem").layer),
        "probe": _best([probe_accuracy(points, labels) for points in layers]),
        "CKA": knee([linear_cka(points, layers[-1]) for points in layers]),
        "cosine": knee([mean_cosine(points, layers[-1]) for points in layers]),
    }


def _best(scores: Sequence[float]) -> int:
    """The shallowest of the best layers, layer 0 left out."""
    return 1 + int(np.argmax(scores[1:]))


def knee(similarity: Sequence[float]) -> int:
    """Where a rising curve lies farthest above the line between its ends, layer 0 left out.

    >>> knee([0.0, 0.2, 0.8, 0.9, 1.0])
    2
    """
    values = np.asarray(similarity)
    return 1 + int(np.argmax((values - np.linspace(values[0], values[-1], len(values)))[1:]))


def probe_accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean accuracy of a logistic regression on standardised points, stratified 5-fold cross-validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, C=0.1))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return float(cross_val_score(probe, points, labels, cv=folds).mean())
