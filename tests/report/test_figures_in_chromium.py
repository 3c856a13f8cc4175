"""The page's figures in a real browser: what they draw, what is picked out, what is saved."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest


def marks(page: Any, figure: str, name: str = "marks") -> list[dict[str, Any]]:
    """What a figure has drawn: the data behind each mark of a name."""
    return page.locator(figure).evaluate("(f, name) => f.view.data(name + '_marks').map(m => m.datum)", name)


def test_the_trade_off_takes_any_pair_and_its_front_is_beaten_by_none(page: Any) -> None:
    options = page.locator("#trade-x option").evaluate_all("o => o.map(x => x.value)")
    assert options == ["task.sid", "task.ks", "params", "macs", "latency", "size"]
    for across, up in (("params", "task.sid"), ("latency", "task.ks"), ("task.sid", "task.ks")):
        page.locator("#trade-x").select_option(across)
        page.locator("#trade-y").select_option(up)
        page.wait_for_timeout(150)
        points = [point for point in marks(page, "#trade-off") if point["kind"] != "published elsewhere"]
        assert len(points) == 5
        sign = 1 if across.startswith("task.") else -1
        for one in points:
            beaten = any(sign * q["x"] >= sign * one["x"] and q["y"] >= one["y"] and q is not one for q in points)
            assert one["front"] == (not beaten)
        assert all(point["yLow"] < point["y"] < point["yHigh"] for point in points)


def test_published_rows_are_hollow_and_can_be_switched_off(page: Any) -> None:
    page.locator("#trade-x").select_option("params")
    page.wait_for_timeout(150)
    assert sum(point["kind"] == "published elsewhere" for point in marks(page, "#trade-off")) == 11
    assert not any(point["front"] for point in marks(page, "#trade-off") if point["kind"] == "published elsewhere")
    page.locator("#trade-published").uncheck()
    page.wait_for_timeout(150)
    assert len(marks(page, "#trade-off")) == 5
    ends = page.locator("#trade-off").evaluate("f => f.view.scale('x').domain()")
    assert 0 < ends[0] < 1.4 and 3.4 < ends[1] < 4, "the axis is fitted to what is drawn"
    page.locator("#trade-off summary").click()
    assert page.locator("#trade-table tbody tr").count() == 5


def test_a_class_is_named_and_picked_out(page: Any) -> None:
    figure = page.locator("figure.convexity").first
    figure.scroll_into_view_if_needed()
    at = figure.evaluate(
        """f => { const spots = f.view.scenegraph().root.items[0].items.find(m => m.name === 'spots_marks').items;
        const spot = spots.find(i => i.datum.name === 'c8' && i.datum.layer === 6);
        const box = spot._svg.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]; }"""
    )
    page.mouse.move(*at, steps=5)
    tip = page.locator("#vg-tooltip-element")
    tip.wait_for(state="visible", timeout=5000)
    assert re.search(r"c8.*points.*5.*layer.*6", tip.inner_text(), re.DOTALL)
    page.mouse.click(*at)
    assert figure.locator(".pick").input_value() == "c8"
    figure.locator(".pick").select_option("c7")
    page.wait_for_timeout(100)
    assert figure.evaluate("f => f.view.signal('picked')") == "c7"
    assert "probability" in figure.locator("figcaption").inner_text()


def test_the_heat_map_has_a_field_a_class_and_layer(page: Any) -> None:
    figure = page.locator("figure.convexity").first
    figure.locator(".heat").check()
    page.wait_for_timeout(300)
    assert len(page.locator("figure.convexity").first.evaluate("f => f.view.data('marks').map(d => 1)")) == 130
    figure.locator("summary").click()
    assert figure.locator("table tbody tr").count() == 13 and figure.locator("thead th").count() == 14


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_figure_is_saved_by_itself(page: Any, kind: str) -> None:
    with page.expect_download() as download:
        page.locator(f"#trade-off [data-figure={kind}]").click()
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == f"trade-off.{kind}"
    if kind == "png":
        assert content.startswith(b"\x89PNG") and len(content) > 10_000
    else:
        assert b"var(--" not in content and ElementTree.fromstring(content).tag.endswith("svg")


def test_two_analyses_stand_beside_each_other(page: Any) -> None:
    page.locator("#two summary").click()
    rows = page.locator("#two-table tbody tr")
    assert rows.count() == 13
    first = [cell.replace("−", "-") for cell in rows.first.locator("td").all_inner_texts()]
    assert abs(float(first[1]) - float(first[0]) - float(first[2])) < 0.011
    page.locator("#two-a").select_option("1")
    page.locator("#two-b").select_option("0")
    swapped = rows.first.locator("td").nth(2).inner_text().replace("−", "-")
    assert float(swapped) == -float(first[2])
