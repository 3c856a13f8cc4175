"""The page in a real browser: it answers, draws, sorts, copies, prints, is accessible, and asks nobody for anything.

Needs Debian's chromium (``apt-get install chromium``) and the Python package playwright, which drives it.
"""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s3prl_convexprune.artifact import Analysis, Checkpoint, CorpusFacts, LayerRow, Settings
from s3prl_convexprune.report.page import write_page
from s3prl_convexprune.results.leaderboard import load_rows
from s3prl_convexprune.results.published import published_rows
from tests.results.finished_cells import small_grid

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SYSTEM = "<b>chosen & named</b>"


def analysis(label: str, peak: int) -> Analysis:
    generator = np.random.default_rng(0)
    layers = []
    for layer in range(13):
        value = 70 - 0.25 * (layer - peak) ** 2
        per_class = {f"c{index}": value + 5 * math.sin(index) for index in range(10)}
        mean = math.fsum(per_class.values()) / len(per_class)
        influence = tuple((0.14 * generator.normal(size=50)).tolist())
        layers.append(LayerRow(layer, mean, 1.4, per_class, mean, mean, 9000, 0.0, influence))
    corpus = CorpusFacts("demo", "c" * 64, "train", 50, {f"c{index}": 5 for index in range(10)})
    settings = Settings(200, 10, 1, "train", "cpu", "mean", 10.0, "d" * 64)
    return Analysis("tiny", Checkpoint(None, "b" * 64), corpus, label, settings, {"torch": "2"}, tuple(layers))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    profiles = small_grid(root / "grid")
    return write_page(
        load_rows([root / "grid"]),
        [analysis("word", 8), analysis("speaker", 3)],
        profiles,
        root / "page.html",
        ["A note with <angle brackets> & an ampersand."],
        systems={SYSTEM: {"ks": "tiny_convexpruned_L8", "sid": "tiny_convexpruned_L2"}},
        published=published_rows(),
    )


def test_the_file_is_small_and_may_load_nothing(path: Path) -> None:
    text = path.read_text()
    assert path.stat().st_size < 3_000_000
    assert "default-src 'none'" in text and "unsafe-eval" not in text and "/tmp/" not in text
    for loader in (" src=", "@import", "url(", "innerHTML ="):
        assert loader not in re.sub(r"<script>.*?// end of the bundle", "", text, flags=re.DOTALL)


def test_the_same_results_give_the_same_page(path: Path, tmp_path: Path) -> None:
    rows = load_rows([path.parent / "grid"])
    one, other = (write_page(rows, [], [], tmp_path / f"{name}.html") for name in "ab")
    assert one.read_bytes() == other.read_bytes()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    """The page, open; afterwards it must have been silent and self-sufficient."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function(
        "document.querySelectorAll('.chart svg').length === document.querySelectorAll('.chart').length"
    )
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


def names(page: Any) -> list[str]:
    return [name.split()[0] for name in page.locator("#board tbody tr:visible th").all_inner_texts()]


def clipboard(page: Any) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def marks(page: Any, figure: str, name: str = "marks") -> list[dict[str, Any]]:
    """What a figure has drawn: the data behind each mark of a name."""
    return page.locator(figure).evaluate("(f, name) => f.view.data(name + '_marks').map(m => m.datum)", name)


def test_it_answers_first(page: Any) -> None:
    assert page.locator("main").inner_text().startswith(("KS: keep 8 of 12 layers", "SID: keep 2 of 12 layers"))
    answers = page.locator(".answers li").all_inner_texts()
    assert len(answers) == 2 and all("margin" in said or "higher" in said for said in answers)
    heads = page.locator("#decision thead th").all_inner_texts()
    assert heads[:3] == ["task", "layers", "whole"] and page.locator("#decision tbody tr").count() == 2
    assert page.locator("h2:visible").all_inner_texts()[:2] == ["Decision", "Everything measured"]
    assert "A note with <angle brackets> & an ampersand." in page.locator("#answer details").inner_html().replace(
        "&lt;", "<"
    ).replace("&gt;", ">").replace("&amp;", "&")
    assert SYSTEM in page.locator("#board").inner_text() and page.locator("#board th b").count() == 0


def test_it_sorts_by_a_column_and_back(page: Any) -> None:
    ks = page.locator("#board th[data-key=ks] button")
    ks.click()
    scores = [
        float(text) for text in page.locator("#board td:nth-child(7)").evaluate_all("c => c.map(x => x.dataset.sort)")
    ]
    assert scores == sorted(scores, reverse=True)
    assert page.locator("#board th[data-key=ks]").get_attribute("aria-sort") == "descending"
    ks.click()
    assert names(page)[0] == "tiny_convexpruned_L2"
    page.locator("#board th[data-key=params] button").click()
    assert names(page)[0] == "tiny_convexpruned_L2" and names(page)[-1] == "tiny"
    assert page.locator("#board th[aria-sort]").count() == 1
    page.locator("#published th[data-key=params] button").click()
    assert page.locator("#published tbody th").first.inner_text() == "FBANK"
    assert page.locator("#published a").first.get_attribute("href").startswith("https://github.com/")


def test_it_filters_by_name_and_by_kind(page: Any) -> None:
    page.locator("#filter").fill("pruned l1")
    assert names(page) == ["tiny_convexpruned_L10"] and page.locator("#count").inner_text() == "1 of 6 rows"
    page.locator("#filter").fill("")
    page.locator("#general").check()
    assert "tiny_convexpruned_L8" not in names(page) and len(names(page)) == 4


def test_a_number_opens_its_provenance_and_its_command(page: Any) -> None:
    page.get_by_role("button", name="60.83").first.press("Enter")
    text = page.locator("#detail").inner_text()
    assert "a" * 64 in text and "8 of 200,000 steps" in text
    assert page.locator("#detail tbody tr").count() == 3
    page.locator("#copy-command").click()
    assert clipboard(page) == "run_downstream.py -m train -u tiny -n 'it'\"'\"'s a name; rm x'"
    page.keyboard.press("Escape")
    assert not page.locator("#detail").is_visible()


def test_tables_are_copied_as_they_are_shown(page: Any) -> None:
    page.locator("#filter").fill("L8")
    take = page.locator(".take[data-of=board]")
    take.locator("[data-copy=csv]").click()
    head, *rows = csv.reader(io.StringIO(clipboard(page)))
    assert page.locator("#said").inner_text() == "table copied"
    assert head[0] == "Upstream" and len(rows) == 1 and rows[0][0].startswith("tiny_convexpruned_L8")
    assert len(head) == len(rows[0]) == page.locator("#board thead th").count()
    take.locator("[data-copy=md]").click()
    assert {line.count("|") for line in clipboard(page).splitlines()} == {len(head) + 1}
    take.locator("[data-copy=tex]").click()
    tex = clipboard(page)
    assert tex.count("\\\\") == 2 and "\\toprule" in tex and "tiny\\_convexpruned\\_L8" in tex and "$\\pm$" in tex
    assert not re.search(r"(?<!\\)[%_#]|[↑↓±−†]", tex)
    with page.expect_download() as download:
        take.locator("[data-save=csv]").click()
    assert download.value.suggested_filename == "board.csv"
    assert Path(download.value.path()).read_text().splitlines()[0].startswith("Upstream,")


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


def test_a_phone_shows_cards_without_scrolling_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.locator("#board thead").is_visible()
    page.locator("#sort").select_option("sid")
    assert page.locator("#board tbody tr th").last.inner_text().startswith("tiny")
    assert page.locator("#board td").first.evaluate("c => getComputedStyle(c, '::before').content") == '"Layers"'
    assert page.locator("#trade-off svg").bounding_box()["width"] < 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Any, scheme: str) -> None:
    """axe-core's rules: names, roles, contrast and more, with everything that can be unfolded unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:150]) for one in found] == []


def test_everything_is_reached_by_keyboard(page: Any) -> None:
    reached = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary, a[href]')]
        .filter(e => e.offsetParent && e.tabIndex < 0).length"""
    )
    assert reached == 0
    page.emulate_media(reduced_motion="reduce")
    assert page.locator("body").evaluate("e => getComputedStyle(e).transitionDuration") in ("0s", "none")


def test_print_begins_with_a_summary_of_one_page(page: Any, tmp_path: Path) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".controls").first.is_visible() and not page.locator(".take").first.is_visible()
    printed = tmp_path / "page.pdf"
    page.pdf(path=printed, prefer_css_page_size=True)
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on PATH: apt-get install poppler-utils")
    done = subprocess.run(["pdftotext", "-layout", str(printed), "-"], capture_output=True, text=True, check=True)
    first, *later = done.stdout.split("\f")
    assert "keep 8 of 12 layers" in first and "Trade-off" in first and "Everything measured" not in first
    assert any("Everything measured" in page for page in later)
