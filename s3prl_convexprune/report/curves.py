"""What the convexity figures draw: a curve an analysis with its classes, the choice, and what was published."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from ..analysis.published import agreement, published_for
from ..artifact import Analysis, firmness
from ..artifact.choosing import why_undecided
from ..convexity.selection import probability_best
from ..results.result import Result
from .decision import Decision

MOST_CLASSES = 200  # drawn; the artifact has all


def curve(analysis: Analysis, rows: Sequence[Result], decisions: Sequence[Decision] = ()) -> dict[str, Any]:
    """One figure: numbers of every layer in percent, how firm the choice is, and where the numbers come from."""
    chosen, rule = _choice(analysis, rows, decisions)
    known = analysis.layers[0].sem is not None
    best = probability_best(analysis.results()) if known else np.zeros(len(analysis.layers))
    points = analysis.curve()
    classes = analysis.corpus.classes
    names = sorted(analysis.layers[0].per_class)[:MOST_CLASSES]
    published = published_for(analysis)
    return {
        "title": f"{analysis.label}: {analysis.subject}",
        "label": analysis.label,
        "layers": [layer for layer, _, _ in points],
        "mean": [round(score, 4) for _, score, _ in points],
        "se": [round(error, 4) if known else None for _, _, error in points],
        "best": [round(float(share), 4) if known else None for share in best],
        "classes": [
            {"name": name, "n": classes.get(name), "values": [round(row.per_class[name], 3) for row in analysis.layers]}
            for name in names
        ],
        "left_out": len(analysis.layers[0].per_class) - len(names),
        "chosen": chosen,
        "firm": _firm(points, best, chosen, rule)
        if known
        else f"Chosen by {rule}: layer {chosen}. {analysis.grouping.note}.",
        "variations": firmness(analysis),
        "undecided": why_undecided(analysis),
        "published": published
        and {
            "title": f"{published.model} {published.size}, published",
            "layers": published.layers,
            "values": published.convexity,
            "agreement": agreement(analysis, published).sentence,
        },
        "facts": _facts(analysis),
    }


def _firm(points: Sequence[tuple[int, float, float]], best: np.ndarray, chosen: int, rule: str) -> str:
    """How firm the choice is, in one sentence."""
    share = {layer: float(probability) for (layer, _, _), probability in zip(points, best, strict=True)}
    top, score, _ = max(points, key=lambda point: point[1])
    said = f"Most convex: layer {top} ({score:.2f} %), with probability {share[top]:.2f}."
    return said if chosen == top else f"{said} Chosen by {rule}: layer {chosen}, most convex with {share[chosen]:.2f}."


def _facts(analysis: Analysis) -> dict[str, str]:
    corpus = analysis.corpus
    warned = "".join(
        f", {count} of them {what}"
        for count, what in ((corpus.silent, "digital silence"), (corpus.cut, "cut short by the protocol"))
        if count
    )
    return {
        "Corpus": f"{corpus.name}, {corpus.n_points} points{warned}, split {corpus.split or 'all'}",
        "Corpus fingerprint": corpus.fingerprint,
        "Weights (SHA-256)": analysis.checkpoint.weights_sha256,
        "Standard errors": analysis.grouping.words,
        "Settings": ", ".join(f"{key} {value}" for key, value in asdict(analysis.settings).items()),
    }


def _choice(analysis: Analysis, rows: Sequence[Result], decisions: Sequence[Decision]) -> tuple[int, str]:
    """The depth that the page's rows were cut at by this analysis and its rule; the most convex layer when none was."""
    for row in rows:
        depth = row.provenance.depth
        if depth and depth.policy and depth.analysis_key == analysis.settings.key:
            return row.layers, depth.policy
    for one in decisions:
        if one.analysis_key == analysis.settings.key:
            return one.layers, one.rule
    return analysis.choose("argmax").layer, "argmax"


def pairs(analyses: Sequence[Analysis]) -> list[dict[str, Any]]:
    """Every two analyses with equally many layers: the second less the first, and its standard error, a layer.

    On the same points the errors of both move together, and the difference's is that of the points' influences'
    difference; on other points they are independent.
    """
    found = []
    for (a, one), (b, other) in combinations(enumerate(analyses), 2):
        if [row.layer for row in one.layers] != [row.layer for row in other.layers]:
            continue
        paired = _same_points(one, other)
        differences, errors = [], []
        for row, beside, (_, score, error), (_, score_beside, error_beside) in zip(
            one.layers, other.layers, one.curve(), other.curve(), strict=True
        ):
            differences.append(round(score_beside - score, 4))
            if paired:
                moved = float(np.linalg.norm(np.subtract(beside.influence, row.influence)))
                error = math.hypot(moved, *(r.drawing_sem(one.settings.protocol) for r in (row, beside)))
            else:
                error = math.hypot(error, error_beside)
            errors.append(None if math.isnan(error) else round(error, 4))
        found.append({"a": a, "b": b, "paired": paired, "difference": differences, "se": errors})
    return found


def _same_points(one: Analysis, other: Analysis) -> bool:
    """Whether point i of one is point i of the other: same sample of the same corpus, with influences to compare."""
    return (
        bool(one.layers[0].influence and other.layers[0].influence)
        and one.corpus.fingerprint == other.corpus.fingerprint
        and one.settings.protocol == other.settings.protocol
        and one.grouping == other.grouping
        and len(one.layers[0].influence) == len(other.layers[0].influence)
    )
