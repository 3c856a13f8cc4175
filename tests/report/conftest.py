"""The page of a small grid, open in a real browser; it must be silent and ask nobody for anything."""

from __future__ import annotations

import math
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
