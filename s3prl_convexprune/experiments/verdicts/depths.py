"""Every depth: its score beside its convexity, what `screen` predicted, and what its heads listened to.

Convexity and prediction are taken as they are; the intervals are those of the measured scores. Depths are few and
neighbours resemble each other, so a correlation over them is one model's on one corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...analysis.screen import Screen
from ...artifact import Analysis
from ...markdown import escape
from ...markdown import table as markdown_table
from ...results.outcome import read_checkpoint
from ...results.summary import TaskScore
from ...tasks.table import get_task
from .resampling import Scores


def table(
    title: str,
    depths: Mapping[int, str],
    scores: Scores,
    measured: Mapping[str, TaskScore],
    analysis: Analysis,
    screen: Screen | None,
) -> list[str]:
    """The depths as Markdown, and below them how convexity and prediction go with the scores.

    Args:
        title: of the first column.
        depths: depth -> upstream, every depth from 1 to the whole one.
        scores: of all of them.
        measured: upstream -> its number, with the cells behind it.
        analysis: the convexity of every layer.
        screen: what was predicted; None where nothing was.
    """
    convexity = {layer: (score, error) for layer, score, error in analysis.curve()}
    predicted = {row.depth: row for row in screen.rows} if screen else {}
    every, whole = scores.at(*depths.values()), scores.at(depths[max(depths)])[0]
    columns = [f"{escape(title)}: depth", "score % [95 %]", "to the whole [95 %]", "convexity %"]
    columns += [*(["predicted % [95 %]"] if screen else []), "weights of states 0, 1, ..."]
    rows = []
    for (depth, name), at in zip(depths.items(), every, strict=True):
        gap = scores.difference(lambda s, at=at: s[..., at] - s[..., whole])  # type: ignore[misc]
        score, error = convexity[depth]
        cells = [f"L{depth}", str(scores.score(lambda s, at=at: s[..., at]))]  # type: ignore[misc]
        cells += ["–" if at == whole else gap.signed, f"{score:.1f}" + ("" if np.isnan(error) else f" ± {error:.1f}")]
        if screen:
            row = predicted[depth]
            cells.append(f"{row.accuracy:.1f} [{row.low:.1f}, {row.high:.1f}]")
        rows.append([*cells, " ".join(f"{weight:.2f}" for weight in featurizer_weights(measured[name]))])
    span = f"L{min(depths)} to L{max(depths)}"
    lines = markdown_table(columns, rows)
    curve = np.asarray([convexity[depth][0] for depth in depths])
    found = scores.interval(lambda s: rank_correlation(s[..., every], curve), -1, 1)
    lines += ["", f"Convexity and score over {span}: Spearman {found}, {len(depths)} depths."]
    if screen:
        forecast = np.asarray([predicted[depth].accuracy for depth in depths])
        off = scores.interval(lambda s: np.abs(s[..., every] - forecast).mean(axis=-1), 0)
        found = scores.interval(lambda s: rank_correlation(s[..., every], forecast), -1, 1)
        lines.append(f"Prediction and score: mean absolute error {off} points, Spearman {found}.")
    return lines


def featurizer_weights(score: TaskScore) -> Sequence[float]:
    """The featurizer's weights of the states, mean over the cells; they add up to 1.

    Raises:
        ArtifactError: a cell's checkpoint is missing or damaged.
    """
    task = get_task(score.task)
    found = []
    for row in score.rows:
        logits = read_checkpoint(f"{row.folder}/{task.best_checkpoint}").get("Featurizer", {}).get("weights")
        values = np.zeros(1) if logits is None else np.asarray(logits, float)  # one state is not weighed
        shares = np.exp(values - values.max())
        found.append(shares / shares.sum())
    return np.mean(found, axis=0).tolist()


def rank_correlation(scores: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's correlation along the last axis, ties at their mean rank; NaN where one side is constant.

    Args:
        scores: ``[..., depths]``.
        other: ``[depths]``.

    >>> rank_correlation(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]), np.array([10.0, 20.0, 90.0])).tolist()
    [1.0, -1.0]
    """
    from scipy.stats import rankdata

    one, two = rankdata(scores, axis=-1), rankdata(other)
    one, two = one - one.mean(axis=-1, keepdims=True), two - two.mean()
    scale = np.sqrt((one**2).sum(axis=-1) * (two**2).sum())
    with np.errstate(invalid="ignore"):
        return (one * two).sum(axis=-1) / np.where(scale > 0, scale, np.nan)
