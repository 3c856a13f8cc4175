"""The page in a real browser: it answers, sorts, filters, tells where a number is from, and copies its tables."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from tests.report.conftest import SYSTEM


def names(page: Any) -> list[str]:
    return [name.split()[0] for name in page.locator("#board tbody tr:visible th").all_inner_texts()]


def clipboard(page: Any) -> str:
    return page.evaluate("navigator.clipboard.readText()")


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
