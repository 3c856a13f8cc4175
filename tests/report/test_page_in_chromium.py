"""The page in a real browser: it renders, sorts, filters, explains its numbers, and asks nobody for anything.

Needs Debian's chromium (``apt-get install chromium``) and the Python package playwright, which drives it.
"""

from __future__ import annotations

import math
import shutil
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


def test_the_file_stands_alone_and_is_small(path: Path) -> None:
    text = path.read_text()
    assert path.stat().st_size < 3_000_000
    for loader in ("src=", "@import", "url(", "http://", "https://", "fetch(", "innerHTML"):
        assert loader not in text


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
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


def names(page: Any) -> list[str]:
    return [name.split()[0] for name in page.locator("#board tbody tr:visible th").all_inner_texts()]


def test_it_renders_everything(page: Any) -> None:
    assert page.locator("#board tbody tr").count() == 6
    assert page.locator("figure svg").count() == 4
    assert page.locator("h2:visible").count() == 5
    assert "A note with <angle brackets> & an ampersand." in page.locator("header").inner_text()
    assert SYSTEM in page.locator("#board").inner_text() and page.locator("#board th b").count() == 0
    assert page.locator("figure").first.bounding_box()["width"] > 200


def test_it_sorts_by_a_column_and_back(page: Any) -> None:
    ks = page.locator("th[data-key=ks] button")
    ks.click()
    scores = [
        float(text) for text in page.locator("#board td:nth-child(7)").evaluate_all("c => c.map(x => x.dataset.sort)")
    ]
    assert scores == sorted(scores, reverse=True)
    assert page.locator("th[data-key=ks]").get_attribute("aria-sort") == "descending"
    ks.click()
    assert names(page)[0] == "tiny_convexpruned_L2"
    page.locator("th[data-key=params] button").click()
    assert names(page)[0] == "tiny_convexpruned_L2" and names(page)[-1] == "tiny"
    assert page.locator("th[aria-sort]").count() == 1


def test_it_filters_by_name_and_by_kind(page: Any) -> None:
    page.locator("#filter").fill("pruned l1")
    assert names(page) == ["tiny_convexpruned_L10"] and page.locator("#count").inner_text() == "1 of 6 rows"
    page.locator("#filter").fill("")
    page.locator("#general").check()
    assert "tiny_convexpruned_L8" not in names(page) and len(names(page)) == 4


def test_a_number_opens_its_provenance(page: Any) -> None:
    page.get_by_role("button", name="60.83").first.click()
    text = page.locator("#detail").inner_text()
    assert "a" * 64 in text and "run_downstream.py -m train" in text and "8 of 200,000 steps" in text
    assert page.locator("#detail tbody tr").count() == 3
    page.keyboard.press("Escape")
    assert not page.locator("#detail").is_visible()


def test_a_phone_shows_cards_without_scrolling_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.locator("#board thead").is_visible()
    page.locator("#sort").select_option("sid")
    assert page.locator("#board tbody tr th").last.inner_text().startswith("tiny")
    assert page.locator("#board td").first.evaluate("c => getComputedStyle(c, '::before').content") == '"Layers"'


def relative_luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(page: Any, scheme: str) -> None:
    """WCAG AA: 4.5 to 1, in both colour schemes, for ordinary, soft and highlighted text."""
    page.emulate_media(color_scheme=scheme)
    ground = relative_luminance(page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor"))
    for selector in ("body", ".hint", "td small.shown", ".mark", "summary"):
        ink = relative_luminance(page.locator(selector).first.evaluate("e => getComputedStyle(e).color"))
        light, dark = max(ground, ink), min(ground, ink)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector


def test_print_is_on_white_without_controls(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator(".controls").is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
