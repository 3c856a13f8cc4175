"""The paper's published convexity curves, and how far a measured one agrees with them.

`published_convexity.csv` holds the curves of the pretrained models from the figure of the authors' poster (Dorszewski,
Tětková, Hansen, "Convexity-based Pruning of Speech Representation Models", IEEE MLSP 2024, doi
10.1109/MLSP58920.2024.10734716). They were read off the figure's pixels by colour, at every layer: about 1 point of
error, up to 2 where lines cross, more at layers 0 to 3. They are not the authors' own numbers.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..artifact import Analysis
from ..errors import ConfigError, nearest

READING_ERROR = 2.0  # points
ALIKE = 0.9  # correlation over layers from which two curves have the same shape
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

#: Upstreams of s3prl's hub -> the model and size that the figure calls them. Which checkpoint of a family the authors
#: used is not stated, so every one that could be meant stands here.
UPSTREAMS = {
    "wav2vec2": ("wav2vec2", "base"),
    "wav2vec2_base_960": ("wav2vec2", "base"),
    "wav2vec2_large_ll60k": ("wav2vec2", "large"),
    "wav2vec2_large_960": ("wav2vec2", "large"),
    "wavlm": ("wavlm", "base"),
    "wavlm_base": ("wavlm", "base"),
    "wavlm_base_plus": ("wavlm", "base"),
    "wavlm_large": ("wavlm", "large"),
    "hubert": ("hubert", "base"),
    "hubert_base": ("hubert", "base"),
    "hubert_large_ll60k": ("hubert", "large"),
}
CORPUS = "speech_commands"
CCC = "ccc-wav2vec2"  # has no entry of its own; its checkpoint's name says it


@dataclass(frozen=True)
class PublishedCurve:
    """One curve of the figure: a pretrained model's convexity by layer.

    Args:
        model: its family there: ``wav2vec2``, ``hubert``, ``wavlm`` or ``ccc-wav2vec2``.
        size: ``base`` or ``large``.
        label: ``word`` or ``speaker``, on Speech Commands v0.02.
        layers: 0 to 12 or 24.
        convexity: of each layer, in percent.
    """

    model: str
    size: str
    label: str
    layers: tuple[int, ...]
    convexity: tuple[float, ...]

    @property
    def peak(self) -> int:
        """The most convex layer, the shallowest of equals."""
        return self.layers[self.convexity.index(max(self.convexity))]


@dataclass(frozen=True)
class Agreement:
    """A measured curve against the published one.

    Args:
        upstream: what was measured, and `protocol` how.
        protocol: the protocol it was measured by.
        curve: the published curve.
        correlation: Pearson's, over the layers; NaN when one curve is flat.
        mean_difference: measured - published, mean over the layers, in points.
        largest_difference: the one that is farthest from 0, in points.
        at: the layer of that.
        peak: the most convex layer as measured; the published one is `curve.peak`.
        sentence: what that comes to.
    """

    upstream: str
    protocol: str
    curve: PublishedCurve
    correlation: float
    mean_difference: float
    largest_difference: float
    at: int
    peak: int
    sentence: str


@cache
def published_curves() -> tuple[PublishedCurve, ...]:
    """All fourteen curves.

    >>> [curve.peak for curve in published_curves() if (curve.model, curve.label) == ("wav2vec2", "word")]
    [7, 14]
    """
    points: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    with Path(__file__).with_name("published_convexity.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["model"], row["size"], row["label"]
            points.setdefault(key, []).append((int(row["layer"]), 100 * float(row["convexity"])))
    return tuple(PublishedCurve(*key, *zip(*sorted(curve), strict=True)) for key, curve in points.items())


def published_curve(model: str, size: str, label: str) -> PublishedCurve:
    """One curve.

    Raises:
        ConfigError: the figure has no such curve.
    """
    curves = {f"{curve.model} {curve.size} {curve.label}": curve for curve in published_curves()}
    wanted = f"{model} {size} {label}"
    if wanted not in curves:
        raise ConfigError(f"the paper's figure has no curve {wanted!r}{nearest(wanted, curves)}")
    return curves[wanted]


def published_for(analysis: Analysis) -> PublishedCurve | None:
    """The published curve that an analysis can be held against, or None when there is none.

    There is one for words and speakers of the corpus `speech_commands` and the seven pretrained models, found by the
    upstream's name (`UPSTREAMS`), or by a checkpoint whose path names ccc-wav2vec2.
    """
    if analysis.corpus.name != CORPUS or analysis.checkpoint.finetuned is not None:
        return None
    ckpt = analysis.checkpoint.path or ""
    model, size = (CCC, "base") if CCC in ckpt else UPSTREAMS.get(analysis.upstream, ("", ""))
    wanted = model, size, analysis.label.removesuffix("s")
    return next((one for one in published_curves() if (one.model, one.size, one.label) == wanted), None)


def agreement(analysis: Analysis, curve: PublishedCurve | None = None) -> Agreement:
    """How far a measured curve agrees with the published one.

    The sentence follows one rule. *Same shape*: the correlation over layers is at least 0.9. *Same peak*: the two most
    convex layers are at most one apart, or the published curve at the measured peak is within the reading error, 2
    points, of its own maximum. Both: "agrees". The shape alone: "peak two layers deeper" (or shallower). The peak
    alone: "same peak, another shape". Neither: "disagrees: peak ..., correlation ...". A mean difference of more
    than 5 points is added: absolute levels depend on how many points and classes were sampled, which the paper's
    poster does not say, so a shifted level is no disagreement.

    Args:
        analysis: a measured curve, of either protocol.
        curve: what to hold it against; the one that `published_for` finds when None.

    Raises:
        ConfigError: there is no published curve for it, or that has other layers.
    """
    curve = curve or published_for(analysis)
    if curve is None:
        raise ConfigError(
            f"the paper published no curve of {analysis.upstream} for {analysis.label!r} on {analysis.corpus.name}"
        )
    layers, scores, _ = zip(*analysis.curve(), strict=True)
    if layers != curve.layers:
        raise ConfigError(
            f"{analysis.upstream} was measured at {len(layers)} layers, {layers[0]} to {layers[-1]}; the published "
            f"curve of {curve.model} {curve.size} has 0 to {curve.layers[-1]}"
        )
    differences = np.subtract(scores, curve.convexity)
    farthest = int(np.abs(differences).argmax())
    flat = np.ptp(scores) == 0 or np.ptp(curve.convexity) == 0
    correlation = float("nan") if flat else float(np.corrcoef(scores, curve.convexity)[0, 1])
    peak = layers[int(np.argmax(scores))]
    return Agreement(
        upstream=analysis.upstream,
        protocol=analysis.settings.protocol,
        curve=curve,
        correlation=correlation,
        mean_difference=float(differences.mean()),
        largest_difference=float(differences[farthest]),
        at=layers[farthest],
        peak=peak,
        sentence=_sentence(curve, correlation, peak, float(differences.mean())),
    )


def _sentence(curve: PublishedCurve, correlation: float, peak: int, level: float) -> str:
    shift = peak - curve.peak
    reached = curve.convexity[curve.layers.index(peak)]
    same_peak = abs(shift) <= 1 or max(curve.convexity) - reached <= READING_ERROR
    count = NUMBERS[abs(shift)] if abs(shift) < len(NUMBERS) else str(abs(shift))
    moved = f"peak {count} layer{'s' if abs(shift) > 1 else ''} {'deeper' if shift > 0 else 'shallower'}"
    if correlation >= ALIKE:
        said = "agrees" if same_peak else moved
    elif same_peak:
        said = f"same peak, another shape (correlation {correlation:.2f})"
    else:
        said = f"disagrees: {moved}, correlation {correlation:.2f}"
    if abs(level) > 5:
        said += f"; {abs(level):.0f} points {'higher' if level > 0 else 'lower'} on average"
    return said


def agreement_table(agreements: list[Agreement]) -> str:
    """Agreements as Markdown, one line each."""
    lines = [
        "| upstream | label | protocol | correlation | largest difference | peak here | peak published | |",
        "| --- | --- | --- | --: | --: | --: | --: | --- |",
    ]
    for one in agreements:
        lines.append(
            f"| {one.upstream} | {one.curve.label} | {one.protocol} | {one.correlation:.2f} | "
            f"{one.largest_difference:+.1f} (L{one.at}) | L{one.peak} | L{one.curve.peak} | {one.sentence} |"
        )
    return "\n".join(lines) + "\n"
