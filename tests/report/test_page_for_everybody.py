"""The page as a file, on a phone, for a screen reader, by keyboard and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune.report.page import write_page
from s3prl_convexprune.results.leaderboard import load_rows


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
