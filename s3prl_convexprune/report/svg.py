"""The page's figures as inline SVG: coloured by the page's own CSS variables, so they follow light, dark and print.

What a colour says, a marker's shape or a line's dash says too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 16, 50
LETTER = 7.5  # width of a letter of the labels, about
PLOT_RIGHT, PLOT_BOTTOM = WIDTH - RIGHT, HEIGHT - BOTTOM


@dataclass(frozen=True)
class Point:
    """One upstream in the plane of cost and accuracy.

    Attributes:
        label: what stands beside it.
        name: its whole name.
        cost: x.
        score: y.
        sd: spread of the score over seeds, or None.
        whole: drawn as a square; cuts are circles.
    """

    label: str
    name: str
    cost: float
    score: float
    sd: float | None
    whole: bool


class Axis:
    """A linear scale from data to pixels, with round ticks."""

    def __init__(self, low: float, high: float, start: float, end: float, margin: float = 0.06) -> None:
        room = (high - low) * margin or abs(high) * 0.05 or 1.0
        self.low, self.high, self.start, self.end = low - room, high + room, start, end

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the range.

        >>> Axis(0, 12, 0, 100, margin=0.0).ticks()
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
        """
        raw = (self.high - self.low) / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.8)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def pareto_front(points: Sequence[Point], higher_is_better: bool) -> list[Point]:
    """The points that no other beats in both cost and score, cheapest first.

    >>> a, b, c = (Point(n, n, x, y, None, False) for n, x, y in (("a", 1, 80), ("b", 2, 79), ("c", 3, 90)))
    >>> [point.label for point in pareto_front([c, b, a], True)]
    ['a', 'c']
    """
    sign = 1 if higher_is_better else -1
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -sign * p.score)):
        if not front or sign * point.score > sign * front[-1].score:
            front.append(point)
    return front


def trade_off(points: Sequence[Point], higher_is_better: bool, x_title: str, y_title: str, description: str) -> str:
    """Score against cost, with the Pareto front as a staircase and the spread over seeds as bars."""
    spreads = [point.sd or 0.0 for point in points]
    x = Axis(0.0, max(p.cost for p in points), LEFT, PLOT_RIGHT, margin=0.04)
    x.low = 0.0
    lows = [p.score - sd for p, sd in zip(points, spreads, strict=True)]
    highs = [p.score + sd for p, sd in zip(points, spreads, strict=True)]
    y = Axis(min(lows), max(highs), PLOT_BOTTOM, TOP, margin=0.12)
    parts = _frame(x, y, x_title, y_title)
    front = pareto_front(points, higher_is_better)
    path = [f"M{x(front[0].cost):.1f},{y(front[0].score):.1f}"]
    for point in front[1:]:
        path.append(f"H{x(point.cost):.1f}V{y(point.score):.1f}")
    path.append(f"H{PLOT_RIGHT}")
    parts.append(f'<path class="front" d="{"".join(path)}"/>')
    for point, sd in zip(points, spreads, strict=True):
        px, py = x(point.cost), y(point.score)
        if sd:
            parts.append(
                f'<line class="bar" x1="{px:.1f}" x2="{px:.1f}"'
                f' y1="{y(point.score - sd):.1f}" y2="{y(point.score + sd):.1f}"/>'
            )
        kind = ("whole" if point.whole else "cut") + (" best" if point in front else "")
        text = f"{point.name}: {point.score:.2f}" + (f" ± {sd:.2f}" if sd else "") + f", {point.cost:.3g} {x_title}"
        tip = f"<title>{escape(text)}</title>"
        if point.whole:
            parts.append(f'<rect class="{kind}" x="{px - 5:.1f}" y="{py - 5:.1f}" width="10" height="10">{tip}</rect>')
        else:
            parts.append(f'<circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" r="5">{tip}</circle>')
    by_importance = sorted(points, key=lambda point: (point not in front, not point.whole))
    parts += _labels([(point, x(point.cost), y(point.score)) for point in by_importance])
    return _svg(parts, description)


def _labels(placed: Sequence[tuple[Point, float, float]]) -> list[str]:
    """Names beside their points, those on the front first; one that would lie on a name or a marker everywhere is left
    out (its point still says it when pointed at)."""
    parts: list[str] = []
    taken = [(px, py + 4, 6.0) for _, px, py in placed]  # middle, baseline, half the width; first the markers
    for point, px, py in placed:
        half = LETTER * len(point.label) / 2
        centred = min(max(px, LEFT + half), PLOT_RIGHT - half)
        for middle, baseline in (
            (centred, py - 10),
            (centred, py + 20),
            (px + 12 + half, py + 4),
            (px - 12 - half, py + 4),
        ):
            inside = middle - half >= LEFT and middle + half <= PLOT_RIGHT and TOP + 8 < baseline < PLOT_BOTTOM - 4
            free = all(abs(middle - x) >= half + other or abs(baseline - y) > 13 for x, y, other in taken)
            if inside and free:
                break
        else:
            continue
        taken.append((middle, baseline, half))
        parts.append(
            f'<text class="name" text-anchor="middle" x="{middle:.1f}" y="{baseline:.1f}">{escape(point.label)}</text>'
        )
    return parts


def curve(
    values: Sequence[float],
    sems: Sequence[float],
    chosen: int,
    per_class: Sequence[Sequence[float]],
    description: str,
    y_title: str = "graph convexity, %",
) -> str:
    """Convexity over the layers: mean with a band of one standard error, classes as thin lines, the choice marked.

    Args:
        values: one a layer, from layer 0.
        sems: their standard errors.
        chosen: the layer chosen.
        per_class: a line a class.
        description: what the figure shows, for those who cannot see it.
        y_title: title of the y axis.
    """
    x = Axis(0, len(values) - 1, LEFT, PLOT_RIGHT, margin=0.03)
    every = [number for line in per_class for number in line]
    lows = [value - sem for value, sem in zip(values, sems, strict=True)]
    highs = [value + sem for value, sem in zip(values, sems, strict=True)]
    y = Axis(min(lows + every), max(highs + every), PLOT_BOTTOM, TOP)
    parts = _frame(x, y, "transformer layers kept", y_title)
    parts += [f'<polyline class="class" points="{_points(line, x, y)}"/>' for line in per_class]
    band = _points(highs, x, y) + " " + " ".join(reversed(_points(lows, x, y).split(" ")))
    parts.append(f'<polygon class="band" points="{band}"/>')
    parts.append(f'<polyline class="mean" points="{_points(values, x, y)}"/>')
    for layer, value in enumerate(values):
        text = f"<title>layer {layer}: {value:.2f} ± {sems[layer]:.2f}</title>"
        parts.append(f'<circle class="dot" cx="{x(layer):.1f}" cy="{y(value):.1f}" r="3">{text}</circle>')
    px, py = x(chosen), y(values[chosen])
    parts.append(f'<line class="choice" x1="{px:.1f}" x2="{px:.1f}" y1="{TOP}" y2="{PLOT_BOTTOM}"/>')
    parts.append(f'<circle class="chosen" cx="{px:.1f}" cy="{py:.1f}" r="6"/>')
    anchor, shift = ("end", -8) if chosen > (len(values) - 1) / 2 else ("start", 8)
    parts.append(
        f'<text class="name" text-anchor="{anchor}" x="{px + shift:.1f}" y="{TOP + 12}">L{chosen} chosen</text>'
    )
    return _svg(parts, description)


def _points(values: Sequence[float], x: Axis, y: Axis) -> str:
    return " ".join(f"{x(layer):.1f},{y(value):.1f}" for layer, value in enumerate(values))


def _frame(x: Axis, y: Axis, x_title: str, y_title: str) -> list[str]:
    parts = []
    for tick in y.ticks():
        py = y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{PLOT_RIGHT}" y1="{py:.1f}" y2="{py:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 6}" y="{py + 4:.1f}">{tick:g}</text>')
    for tick in x.ticks(6):
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x(tick):.1f}" y="{PLOT_BOTTOM + 18}">{tick:g}</text>'
        )
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{PLOT_RIGHT}" y1="{PLOT_BOTTOM}" y2="{PLOT_BOTTOM}"/>')
    middle = (LEFT + PLOT_RIGHT) / 2
    parts.append(f'<text class="title" text-anchor="middle" x="{middle}" y="{HEIGHT - 8}">{escape(x_title)}</text>')
    across = (TOP + PLOT_BOTTOM) / 2
    parts.append(
        f'<text class="title" text-anchor="middle" transform="translate(13 {across}) rotate(-90)">'
        f"{escape(y_title)}</text>"
    )
    return parts


def _svg(parts: Sequence[str], description: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description, quote=True)}">'
        + "".join(parts)
        + "</svg>"
    )
