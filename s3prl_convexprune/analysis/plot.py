"""The layer curve: convexity against depth, with its standard error and the layer that was chosen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import atomic
from ..artifact import Analysis, Choice
from ..outputs import check_output, mark
from .published import PublishedCurve

CURVE = "curve"
SUFFIXES = (".png", ".svg")
# Okabe and Ito's colour-blind-safe palette.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw_curve(
    analyses: Sequence[Analysis],
    stem: str | Path,
    choices: Sequence[Choice | None] = (),
    published: Sequence[PublishedCurve | None] = (),
) -> list[Path]:
    """Draw one curve an analysis, as PNG and SVG; published curves beside them, dashed and hollow.

    Args:
        analyses: what to draw; each is labelled by its upstream and label kind.
        stem: the files' path without its ending.
        choices: for each analysis the chosen layer, or None; the most convex layer is marked when left out.
        published: for each analysis the curve of `published.published_for`, or None.

    Returns:
        The paths written: `<stem>.png` and `<stem>.svg`.

    Raises:
        ArtifactError: what is there already is not a curve of ours.
    """
    paths = curve_paths(stem)
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "s3prl-convexprune", "font.size": 10, "svg.fonttype": "none"}):
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        points = [point for analysis in analyses for point in analysis.curve()]
        top = {layer: max(score for at, score, _ in points if at == layer) for layer, _, _ in points}
        for number, analysis in enumerate(analyses):
            chosen = choices[number] if choices else analysis.choose("argmax")
            colour = COLOURS[number % len(COLOURS)]
            curve = analysis.curve()
            layers, scores = [layer for layer, _, _ in curve], [score for _, score, _ in curve]
            low = [score - error for _, score, error in curve]
            high = [score + error for _, score, error in curve]
            axes.fill_between(layers, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(layers, scores, color=colour, marker="o", markersize=3.5, label=analysis.title)
            beside = published[number] if published else None
            if beside is not None:
                axes.plot(
                    beside.layers,
                    beside.convexity,
                    color=colour,
                    linestyle="--",
                    linewidth=1.1,
                    marker="o",
                    markersize=3.5,
                    markerfacecolor="none",
                    label=f"{beside.model} {beside.size}: {beside.label} (published)",
                )
            if chosen is not None:
                score = scores[layers.index(chosen.layer)]
                axes.plot(
                    [chosen.layer],
                    [score],
                    "o",
                    markersize=11,
                    markerfacecolor="none",
                    markeredgecolor=colour,
                    markeredgewidth=1.6,
                )
                axes.annotate(
                    f"L{chosen.layer}",
                    (chosen.layer, score),
                    textcoords="offset points",
                    xytext=(0, 9 if score == top[chosen.layer] else -18),
                    ha="center",
                    color=colour,
                )
        axes.set_xlabel("transformer layer (0 is the input of the first)")
        axes.set_ylabel("graph convexity (%)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(y=0.14)
        axes.grid(axis="y", color="#cccccc", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
        return [_save(figure, path, path.suffix[1:]) for path in paths]


def curve_paths(stem: str | Path) -> list[Path]:
    """Where `draw_curve` will write, checked.

    Raises:
        ArtifactError: what is there already is not a curve of ours.
    """
    return [check_output(f"{stem}{suffix}", CURVE) for suffix in SUFFIXES]


def _save(figure: Any, path: Path, kind: str) -> Path:
    content = io.BytesIO()
    metadata = {"Date": None, "Creator": mark(CURVE)} if kind == "svg" else {"Software": mark(CURVE)}
    figure.savefig(content, format=kind, dpi=160, metadata=metadata)
    return atomic.write_bytes(path, content.getvalue())
