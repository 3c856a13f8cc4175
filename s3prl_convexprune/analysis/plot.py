"""The layer curve: convexity against depth, with its standard error and the layer that was chosen.

`draw_curve` is what `analyze` leaves beside an analysis; `plot` draws several at the widths of a paper's template.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import atomic
from ..artifact import Analysis, Choice, firmness
from ..errors import ConfigError, nearest
from ..outputs import check_output, mark
from .published import PublishedCurve, published_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE = "curve"
SUFFIXES = (".png", ".svg")
# Okabe and Ito's colour-blind-safe palette; a marker says what a colour says.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
# The page's axes have the same titles.
LAYER_TITLE = "transformer layer (0 is the input of the first)"
CONVEXITY_TITLE = "graph convexity (%)"

#: Template -> inches of a column and of the text: IEEEtran (252 and 516 pt), Interspeech (80 and 170 mm), ACL (219 and
#: 455 pt), at 72.27 pt an inch.
WIDTHS = {
    "ieee": {"column": 3.49, "text": 7.14},
    "interspeech": {"column": 3.15, "text": 6.69},
    "acl": {"column": 3.03, "text": 6.30},
}
FORMATS = ("pdf", "svg", "png")
#: matplotlib's settings: "screen" is `analyze`'s own look; "paper" is a Times at a caption's size, with the fonts in
#: the file (TrueType in a PDF, outlines in an SVG).
STYLES: dict[str, dict[str, Any]] = {
    "screen": {"font.size": 10, "svg.fonttype": "none", "pdf.fonttype": 42},
    "paper": {
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "font.size": 8,
        "axes.linewidth": 0.6,
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
    },
}


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
    with _styled("screen"):
        figure = _figure(analyses, choices, published, (6.4, 3.8))
        return [_save(figure, path, path.suffix[1:]) for path in paths]


def plot(
    analyses: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    width: str = "column",
    format: str | None = None,
    style: str = "paper",
    template: str = "ieee",
) -> Path:
    """Draw analyses into one frame for a paper, with the paper's published curves dashed where there are any.

    Args:
        analyses: the files; each is a line, labelled by its upstream and label kind.
        output: the file to write; the first analysis's name with the format's ending when None.
        width: ``"column"`` or ``"text"``.
        format: ``"pdf"``, ``"svg"`` or ``"png"``; what the name of `output` ends in, or PDF, when None.
        style: ``"paper"`` (small Times, fonts in the file) or ``"screen"``.
        template: whose widths: ``"ieee"``, ``"interspeech"`` or ``"acl"``.

    Returns:
        The file.

    Raises:
        ArtifactError: an analysis is missing or damaged, or what is at `output` is not a curve of ours.
        ConfigError: an unknown width, format, style or template.
    """
    path = Path(analyses[0]).with_suffix(f".{format or 'pdf'}") if output is None else Path(output)
    for name, value, known in (
        ("template", template, WIDTHS),
        ("width", width, WIDTHS["ieee"]),
        ("format", format or "pdf", FORMATS),
        ("style", style, STYLES),
    ):
        if value not in known:
            raise ConfigError(f"--{name} {value}: unknown{nearest(value, known)}")
    endings = [f".{name}" for name in ((format,) if format else FORMATS)]
    if path.suffix not in endings:
        raise ConfigError(f"-o {path}: expected a name that ends in {' or '.join(endings)}, the --format")
    check_output(path, CURVE)
    found = [Analysis.read(file) for file in analyses]
    inches = WIDTHS[template][width]
    legend = 0.17 * (2 + 2 * len(found) // (1 if width == "column" else 2))
    with _styled(style):
        figure = _figure(found, (), [published_for(one) for one in found], (inches, 0.5 * inches**0.75 + 1 + legend))
        return _save(figure, path, path.suffix[1:])


def _styled(style: str) -> Any:
    import matplotlib

    settings: Any = {"svg.hashsalt": "s3prl-convexprune", **STYLES[style]}
    return matplotlib.rc_context(settings)


def _figure(
    analyses: Sequence[Analysis],
    choices: Sequence[Choice | None],
    published: Sequence[PublishedCurve | None],
    inches: tuple[float, float],
) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=inches, layout="constrained")
    axes = figure.add_subplot()
    points = [point for analysis in analyses for point in analysis.curve()]
    top = {layer: max(score for at, score, _ in points if at == layer) for layer, _, _ in points}
    small = inches[0] < 5
    for number, analysis in enumerate(analyses):
        chosen = choices[number] if choices else analysis.choose("argmax")
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        layers, scores, errors = zip(*analysis.curve(), strict=True)
        low = [score - error for score, error in zip(scores, errors, strict=True)]
        high = [score + error for score, error in zip(scores, errors, strict=True)]
        dots: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 2.5 if small else 3.5}
        axes.fill_between(layers, low, high, color=colour, alpha=0.2, linewidth=0)
        name = "\n".join(filter(None, (analysis.title, firmness(analysis))))
        axes.plot(layers, scores, label=name, linewidth=1.1 if small else 1.5, **dots)
        beside = published[number] if published else None
        if beside is not None:
            label = f"{beside.model} {beside.size}: {beside.label} (published)"
            hollow: dict[str, Any] = {"linestyle": "--", "linewidth": 0.9, "markerfacecolor": "none"}
            axes.plot(beside.layers, beside.convexity, label=label, **dots, **hollow)
        if chosen is not None:
            score = scores[layers.index(chosen.layer)]
            ring: dict[str, Any] = {"markersize": 8 if small else 11, "markerfacecolor": "none", "markeredgewidth": 1.3}
            axes.plot([chosen.layer], [score], "o", markeredgecolor=colour, **ring)
            above = score == top[chosen.layer]
            axes.annotate(
                f"L{chosen.layer}",
                (chosen.layer, score),
                textcoords="offset points",
                xytext=(0, (7 if small else 9) if above else (-14 if small else -18)),
                ha="center",
                color=colour,
            )
    axes.set_xlabel(LAYER_TITLE)
    axes.set_ylabel(CONVEXITY_TITLE)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.16)
    axes.grid(axis="y", color="#cccccc", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    handles, _ = axes.get_legend_handles_labels()
    handles.append(Patch(color="#777777", alpha=0.3, linewidth=0, label="band: one standard error"))
    if not choices or any(choices):
        what = "ring: the most convex layer" if not choices else "ring: the depth chosen"
        sample: dict[str, Any] = {
            "marker": "o",
            "markersize": 7,
            "markerfacecolor": "none",
            "markeredgecolor": "#777777",
        }
        handles.append(Line2D([], [], linestyle="none", label=what, **sample))
    figure.legend(handles=handles, loc="outside upper center", ncols=1 if small else 2, frameon=False)
    return figure


def curve_paths(stem: str | Path) -> list[Path]:
    """Where `draw_curve` will write, checked.

    Raises:
        ArtifactError: what is there already is not a curve of ours.
    """
    return [check_output(f"{stem}{suffix}", CURVE) for suffix in SUFFIXES]


def _save(figure: Figure, path: Path, kind: str) -> Path:
    content = io.BytesIO()
    metadata = {
        "svg": {"Date": None, "Creator": mark(CURVE)},
        "png": {"Software": mark(CURVE)},
        "pdf": {"CreationDate": None, "Creator": mark(CURVE)},
    }[kind]
    figure.savefig(content, format=kind, dpi=160 if figure.get_figwidth() == 6.4 else 300, metadata=metadata)
    return atomic.write_bytes(path, content.getvalue())
