"""What each layer knows: a linear probe of labelled clips, with whole folds held out."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import HubertModel

from s3prl_convexprune.errors import CorpusError

from .audio import SAMPLE_RATE, read_audio


def probe(model: HubertModel, manifest: Path) -> list[float]:
    """Accuracy of every layer on labels in folds that the probe was not fitted on.

    One point a clip: the mean of the layer's state over the clip's frames, the clip alone in its batch.
    For each fold a logistic regression is fitted on the other folds; the mean over folds is returned.

    Args:
        model: in evaluation mode, on any device.
        manifest: CSV with the columns path (relative to the file), label, fold and, for parts of files,
            start and end in seconds. The fold says what is held out: speakers for words, words for speakers.

    Returns:
        One accuracy a hidden state, from layer 0 to the last, in [0, 1].

    Raises:
        CorpusError: columns missing, or fewer than two folds.
    """
    clips, labels, folds = read_probe(manifest)
    points = pooled_states(model, clips)
    return [held_out_accuracy(points[:, layer], labels, folds) for layer in range(points.shape[1])]


def read_probe(manifest: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The clips of a probe's manifest, their labels and their folds.

    Raises:
        CorpusError: columns missing, or fewer than two folds.
    """
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"path", "label", "fold"} <= rows[0].keys():
        raise CorpusError(f"{manifest}: a probe needs rows with the columns path, label and fold")
    labels, folds = np.array([row["label"] for row in rows]), np.array([row["fold"] for row in rows])
    if len(set(folds)) < 2:
        raise CorpusError(f"{manifest}: a probe needs at least two folds, not {sorted(set(folds))}")
    return [_samples(manifest.parent, row) for row in rows], labels, folds


@torch.inference_mode()
def pooled_states(model: HubertModel, clips: list[np.ndarray]) -> np.ndarray:
    """Mean over time of every hidden state of every clip: shape (clips, layers + 1, hidden size)."""
    device = next(model.parameters()).device
    points = []
    for clip in clips:
        states = model(torch.from_numpy(clip)[None].to(device), output_hidden_states=True).hidden_states
        points.append(torch.stack([state[0].mean(0) for state in states]).cpu().numpy())
    return np.stack(points)


def held_out_accuracy(points: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    """Mean over folds of a logistic regression's accuracy on the fold, fitted on the other folds.

    Args:
        points: shape (clips, features).
        labels: shape (clips,).
        folds: shape (clips,).
    """
    accuracies = []
    for fold in sorted(set(folds)):
        held = folds == fold
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        accuracies.append(classifier.fit(points[~held], labels[~held]).score(points[held], labels[held]))
    return float(np.mean(accuracies))


_file = lru_cache(maxsize=8)(read_audio)


def _samples(folder: Path, row: dict[str, str]) -> np.ndarray:
    samples = _file(folder / row["path"])
    if row.get("end"):
        samples = samples[round(float(row["start"]) * SAMPLE_RATE) : round(float(row["end"]) * SAMPLE_RATE)]
    return samples
