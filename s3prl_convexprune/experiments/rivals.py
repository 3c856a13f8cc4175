"""Rules that choose a depth from the analysis's own points by something else than convexity.

- ``probe``: the layer with the best accuracy of a logistic regression, by stratified 5-fold cross-validation.
- ``cka``, ``cosine``: the knee of the similarity to the last layer, which needs no labels.

Each keeps at least one layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..artifact import Analysis
from ..schema import Artifact, Sha256
from .analyses import corpus_of
from .study import Base, Study

FOLDS = 5


@dataclass(frozen=True)
class RivalScores(Artifact):
    """What the rules go by, one number a layer each, for the analysis with this key."""

    FORMAT: ClassVar[str] = "rival scores"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune study"

    analysis_key: Sha256
    probe: tuple[float, ...]
    cka: tuple[float, ...]
    cosine: tuple[float, ...]


def rival_depth(study: Study, rule: str, base: Base, name: str, analysis: Analysis, output: Path, device: str) -> int:
    """The depth that ``probe``, ``cka`` or ``cosine`` chooses for an upstream.

    Args:
        study: the study.
        rule: which of them.
        base: the whole upstream.
        name: the study's labelling.
        analysis: its analysis; the same weights and utterances are used.
        output: the study's folder, where the scores per layer are kept.
        device: where the upstream runs when they are not there yet.
    """
    kept = output / "rivals" / f"{base.name}-{name}.json"
    key = analysis.settings.key
    scores = RivalScores.read(kept) if kept.is_file() else None
    if scores is None or scores.analysis_key != key:
        scores = _scores(study, base, name, key, output, device)
        scores.write(kept)
    return best(scores.probe) if rule == "probe" else knee(getattr(scores, rule))


def _scores(study: Study, base: Base, name: str, key: str, output: Path, device: str) -> RivalScores:
    from ..analysis.hidden_states import extract_points
    from ..analysis.points import PointStore
    from ..analysis.sampling import sample_per_class
    from ..convexity.similarity import linear_cka, mean_cosine
    from ..corpora.manifest import effective_split, with_label
    from ..upstreams.registry import build_upstream

    labelling = study.analyses[name]
    utterances = corpus_of(study, name)
    labelled = with_label(utterances, labelling.label, effective_split(utterances, labelling.split))
    sample = sample_per_class(labelled, labelling.label, labelling.per_class, labelling.seed)
    store = PointStore(output / "rivals" / f"{base.name}-{name}.work", f"{base} {labelling}", len(sample))
    extract_points(build_upstream(base.entry, ckpt=base.ckpt), sample, store, device=device)
    layers = [store.layer(k) for k in range(len(store.layer_paths()))]
    labels = np.asarray([utterance.labels[labelling.label] for utterance in sample])
    scores = RivalScores(
        analysis_key=key,
        probe=tuple(probe_accuracy(points, labels) for points in layers),
        cka=tuple(linear_cka(points, layers[-1]) for points in layers),
        cosine=tuple(mean_cosine(points, layers[-1]) for points in layers),
    )
    store.remove()
    return scores


def best(scores: Sequence[float]) -> int:
    """The shallowest of the best layers, layer 0 left out.

    >>> best([9.0, 2.0, 3.0, 3.0])
    2
    """
    return 1 + int(np.argmax(scores[1:]))


def knee(similarity: Sequence[float]) -> int:
    """Where a rising curve lies farthest above the line between its ends, layer 0 left out.

    >>> knee([0.0, 0.2, 0.8, 0.9, 1.0])
    2
    """
    values = np.asarray(similarity)
    return 1 + int(np.argmax((values - np.linspace(values[0], values[-1], len(values)))[1:]))


def probe_accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean accuracy of a logistic regression on standardised points, stratified 5-fold cross-validation.

    Args:
        points: ``[n, dim]``.
        labels: ``[n]``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, C=0.1))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return float(cross_val_score(probe, points, labels, cv=folds).mean())
