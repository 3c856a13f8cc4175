"""Screening: what accuracy SUPERB's own head is predicted to have at every depth, from an analysis's points alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import MinLen

from ..artifact import Analysis
from ..convexity.folds import group_folds
from ..errors import ArtifactError, ConfigError, DataError, nearest
from ..numbers import AT_LEAST_ONE, LEARNING_RATE
from ..outputs import claim_output
from ..schema import Artifact, AtLeastOne, Count, Part, Percent, Sha256, Share
from .kept_points import KeptPoints, points_path

#: What may stand for independent recordings where the label is the speaker, the best first.
RECORDINGS = ("session", "recording", "file")
LEVEL = 0.95


@dataclass(frozen=True)
class ScreenRow(Part):
    """One depth.

    Args:
        depth: transformer layers kept.
        accuracy: predicted accuracy on unheard groups, percent, mean over seeds.
        low, high: its 95 % interval over groups; it does not count the choice of folds or what training adds.
        difference: to the whole upstream, points.
        difference_low, difference_high: the interval of the difference, groups paired.
        weights: the featurizer's weights of states 0 to `depth`, mean over seeds and folds.
    """

    depth: Count
    accuracy: Percent
    low: Percent
    high: Percent
    difference: float
    difference_low: float
    difference_high: float
    weights: tuple[Share, ...]


@dataclass(frozen=True)
class Screen(Artifact):
    """A prediction, not a SUPERB result: heads trained on pooled points, accuracy on held-out groups.

    Args:
        analysis_key: the analysis whose points they are.
        upstream: its upstream.
        label: its label.
        group: the column that no two folds share a value of.
        groups: how many values it has.
        folds: how many folds.
        steps, lr, seeds: the training of the heads.
        final_norm: whether the last state of every depth has passed the encoder's last LayerNorm, ``"keep"`` or
            ``"drop"``; None where only the whole upstream has one, or none has.
        rows: shallowest first; the last one is the whole upstream.
    """

    FORMAT: ClassVar[str] = "screen"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune screen"

    analysis_key: Sha256
    upstream: str
    label: str
    group: str
    groups: AtLeastOne
    folds: AtLeastOne
    steps: AtLeastOne
    lr: float
    seeds: tuple[int, ...]
    rows: Annotated[tuple[ScreenRow, ...], MinLen(1)]
    final_norm: str | None = None

    def non_inferior(self, margin: float) -> ScreenRow:
        """The shallowest depth whose predicted accuracy is not worse than the whole upstream's by more than a margin.

        The whole interval of the difference must lie above ``-margin``; the whole upstream always fits.

        Args:
            margin: points, stated beforehand.
        """
        return next(row for row in self.rows if row.difference_low >= -margin)

    def table(self) -> str:
        """The rows as text."""
        lines = [
            f"predicted accuracy of SUPERB's head on {self.upstream}, {self.label}; a prediction from pooled points, "
            f"not a run; {self.folds} folds, no {self.group} in two of {self.groups}",
            f"{'depth':>5}  {'accuracy % [95 %]':>22}  {'to the whole [95 %]':>24}  heaviest state",
        ]
        for row in self.rows:
            accuracy = f"{row.accuracy:.1f} [{row.low:.1f}, {row.high:.1f}]"
            gap = f"{row.difference:+.1f} [{row.difference_low:+.1f}, {row.difference_high:+.1f}]"
            heaviest = int(np.argmax(row.weights))
            lines.append(f"{row.depth:>5}  {accuracy:>22}  {gap:>24}  {heaviest} ({row.weights[heaviest]:.2f})")
        return "\n".join(lines)


def screen_path(analysis: str | Path) -> Path:
    """Where an analysis's screen goes.

    >>> screen_path("words.json").name
    'words.screen.json'
    """
    return Path(analysis).with_suffix(".screen.json")


def screen(
    analysis: str | Path,
    output: str | Path | None = None,
    *,
    group: str | None = None,
    parts: int = 5,
    heads: int = 3,
    steps: int = 300,
    lr: float = 3e-3,
    final_norm: str | None = None,
) -> Screen:
    """Predict the accuracy of SUPERB's head at every depth.

    Args:
        analysis: an `analysis.json` beside which `analyze --keep-points` left the points.
        output: the artifact; `<analysis>.screen.json` when None.
        group: the column that folds do not share: the speaker by default; where the label is the speaker, the
            recording session, the recording, or the file.
        parts: folds at most; never more than there are groups.
        heads: how many a depth and fold, one a seed.
        steps: optimizer steps a head.
        lr: learning rate.
        final_norm: ``"keep"`` or ``"drop"``, what becomes of the last LayerNorm of a pre-norm model's cuts; None: as
            is usual in its family.

    Raises:
        ArtifactError: the points are not there, or of another analysis.
        ConfigError: no such column, or points that lack it.
        DataError: fewer than two groups, or a class that is in one group only.
    """
    for name, number in (("--parts", parts), ("--heads", heads), ("--steps", steps)):
        AT_LEAST_ONE.check(name, number)
    LEARNING_RATE.check("--lr", lr)
    made = Analysis.read(analysis)
    points = KeptPoints.read(points_path(analysis))
    if points.analysis_key != made.settings.key:
        raise ArtifactError(f"{points_path(analysis)}: are the points of another analysis; run 'analyze' again")
    name = group or default_group(made.label, points)
    if name not in points.columns:
        raise ConfigError(f"--group {name}{nearest(name, points.columns)}")
    if lacking := sum(not value for value in points.columns[name]):
        raise ConfigError(f"--group {name}: {lacking} of {len(points.columns[name])} points have none")
    with claim_output(output or screen_path(analysis), Screen.FORMAT, Screen.VERSION) as output:
        seeds = tuple(range(heads))
        result = screened(points, made.label, name, parts, seeds, steps, lr, made.upstream, final_norm)
        result.write(output)
    return result


def screened(
    points: KeptPoints,
    label: str,
    group: str,
    folds: int,
    seeds: tuple[int, ...],
    steps: int,
    lr: float,
    upstream: str,
    final_norm: str | None = None,
) -> Screen:
    """`screen` on points that are there; arguments and errors as there."""
    import torch

    from .heads import HeadSettings, train_heads

    names, codes = np.unique(np.asarray(points.columns[label]), return_inverse=True)
    groups, owner = np.unique(np.asarray(points.columns[group]), return_inverse=True)
    try:
        parts = group_folds(codes, owner, names.tolist(), folds, kind=group)
    except DataError as error:
        raise DataError(f"{error}: name another column with --group") from None
    dims = {state.shape[1] for state in points.states}
    if len(dims) > 1:
        raise DataError(f"states of different widths ({sorted(dims)}) cannot be summed, so no head reads them")
    final_norm = (final_norm or points.final_norm) if points.normed else None
    last = points.normed if final_norm == "keep" else ()  # what a head reads for the last of its states
    states = torch.from_numpy(np.stack([*points.states, *last]))
    depths = [depth for depth in points.depths if depth > 0] or list(points.depths)
    read = np.zeros((len(depths), len(states)), dtype=bool)
    for row, depth in zip(read, depths, strict=True):
        place = points.depths.index(depth)
        row[:place] = row[place + (len(points.states) if last else 0)] = True
    hits = np.zeros((len(depths), len(codes)))
    weights = np.zeros(read.shape)
    how = HeadSettings(steps=steps, lr=lr, seeds=seeds)
    for held_out in parts:
        train = np.setdiff1d(np.arange(len(codes)), held_out)
        predicted, mix = train_heads(states, codes, read, len(names), train, how)
        hits[:, held_out] = (predicted[:, :, held_out] == codes[held_out]).mean(axis=0)
        weights += mix.mean(axis=0) / len(parts)
    rows = []
    for at, depth in enumerate(depths):
        accuracy, half = over_groups(100 * hits[at], owner)
        gap, gap_half = over_groups(100 * (hits[at] - hits[-1]), owner)
        rows.append(
            ScreenRow(
                depth=depth,
                accuracy=accuracy,
                low=max(0.0, accuracy - half),
                high=min(100.0, accuracy + half),
                difference=gap,
                difference_low=gap - gap_half,
                difference_high=gap + gap_half,
                weights=tuple(min(1.0, float(weight)) for weight in weights[at, read[at]]),
            )
        )
    key = points.analysis_key
    return Screen(key, upstream, label, group, len(groups), len(parts), steps, lr, seeds, tuple(rows), final_norm)


def over_groups(values: np.ndarray, owner: np.ndarray) -> tuple[float, float]:
    """The mean over points, and half its 95 % interval when whole groups are drawn.

    The mean is a ratio of sums over G groups; its linearised variance is ``G / (G - 1) * sum((s_g - m n_g)^2) / n^2``
    with each group's sum and size, and its quantile Student's with G - 1 degrees of freedom (Cochran 1977, 6.3).

    Args:
        values: ``[points]``.
        owner: ``[points]``, each point's group, 0 to G - 1.
    """
    from scipy.stats import t

    sums, sizes = np.bincount(owner, values), np.bincount(owner)
    mean, count = float(values.mean()), len(sizes)
    error = math.sqrt(count / (count - 1) * float(((sums - mean * sizes) ** 2).sum())) / len(values)
    return mean, float(t.ppf((1 + LEVEL) / 2, count - 1)) * error


def default_group(label: str, points: KeptPoints) -> str:
    """The column that folds do not share: the speaker; where that is the label, the session, recording or file."""
    speakers = points.columns.get("speaker", ())
    if label != "speaker" and speakers and all(speakers):
        return "speaker"
    return next(name for name in RECORDINGS if name in points.columns and name != label)
