"""The figures: well-formed SVG with everything inside its frame, and a front that nothing beats."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.report.svg import HEIGHT, LETTER, WIDTH, Axis, Point, curve, pareto_front, trade_off

COSTS = st.floats(0.001, 1e4)
SCORES = st.floats(0, 100)
POINTS = st.lists(st.tuples(COSTS, SCORES, st.none() | st.floats(0, 5), st.booleans()), min_size=2, max_size=15)


def points_from(drawn: list) -> list[Point]:
    return [Point(f"L{i}", f"<a & b> {i}", *values) for i, values in enumerate(drawn)]


@given(POINTS, st.booleans())
def test_nothing_is_cheaper_and_better_than_the_front(drawn: list, higher: bool) -> None:
    points = points_from(drawn)
    front = pareto_front(points, higher)
    sign = 1 if higher else -1
    for point in points:
        assert any(f.cost <= point.cost and sign * f.score >= sign * point.score for f in front)
    for one, next_one in zip(front, front[1:], strict=False):
        assert one.cost < next_one.cost and sign * one.score < sign * next_one.score


@given(POINTS, st.booleans())
def test_every_point_is_drawn_inside_the_frame_and_names_itself(drawn: list, higher: bool) -> None:
    points = points_from(drawn)
    root = ElementTree.fromstring(trade_off(points, higher, "x", "y", 'a "figure"'))
    tips = [title.text or "" for title in root.iter("title")]
    assert len(tips) == len(points) and all(tip.startswith("<a & b>") for tip in tips)
    for circle in root.iter("circle"):
        assert 0 < float(circle.attrib["cx"]) < WIDTH and 0 < float(circle.attrib["cy"]) < HEIGHT


def names_of(svg: str) -> list[tuple[str, float, float, float]]:
    """Every name: its text, middle, baseline and half its width."""
    texts = [text for text in ElementTree.fromstring(svg).iter("text") if text.get("class") == "name"]
    return [
        (text.text or "", float(text.attrib["x"]), float(text.attrib["y"]), LETTER * len(text.text or "") / 2)
        for text in texts
    ]


@given(POINTS, st.booleans())
def test_names_lie_inside_the_frame_and_not_on_each_other(drawn: list, higher: bool) -> None:
    names = names_of(trade_off(points_from(drawn), higher, "x", "y", "figure"))
    for number, (_, x, y, half) in enumerate(names):
        assert half - 0.1 <= x <= WIDTH - half + 0.1 and 0 < y < HEIGHT
        for _, other_x, other_y, other_half in names[number + 1 :]:
            assert abs(x - other_x) >= half + other_half - 0.2 or abs(y - other_y) > 12.8


@given(SCORES, SCORES, st.floats(0, 5), st.floats(0.1, 0.85), st.booleans())
def test_a_cut_and_the_whole_are_both_named(cut: float, whole: float, sd: float, share: float, higher: bool) -> None:
    points = [Point("tiny_hubert", "whole", 1.0, whole, sd, True), Point("er (L6)", "cut", share, cut, sd, False)]
    names = names_of(trade_off(points, higher, "x", "y", "figure"))
    assert {name for name, *_ in names} == {"tiny_hubert", "er (L6)"}


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10)), min_size=1, max_size=40), st.data())
def test_a_curve_has_a_dot_a_layer_and_marks_the_choice(rows: list, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(0, len(rows) - 1))
    values, sems = ([row[column] for row in rows] for column in (0, 1))
    root = ElementTree.fromstring(curve(values, sems, chosen, [values], "curve"))
    classes = [circle.attrib["class"] for circle in root.iter("circle")]
    assert classes.count("dot") == len(rows) and classes.count("chosen") == 1
    assert f"L{chosen} chosen" in "".join(root.itertext())


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_lie_inside_the_axis_and_are_few(low: float, room: float) -> None:
    axis = Axis(low, low + room, 0, 100)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 9 and all(axis.low - 1e-6 <= tick <= axis.high + 1e-6 for tick in ticks)
