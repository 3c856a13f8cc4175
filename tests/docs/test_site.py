"""`make docs`: the site holds every page, verb and public name; links lead somewhere; it is read without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import s3prl_convexprune as cp
from s3prl_convexprune.cli.parser import VERBS, verb_parser
from tools.docs import links, pages
from tools.docs.__main__ import build


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical", reason="pip install '.[docs]' brings what builds the site")
    pytest.importorskip("mkdocstrings", reason="pip install '.[docs]' brings what builds the site")
    built = build(tmp_path_factory.mktemp("docs"))
    assert built is not None
    return built


def test_its_links_lead_somewhere_and_nothing_is_asked_of_another_host(site):
    assert list(links.faults(site)) == []


def test_every_page_is_reached_from_the_first(site):
    reached, ahead = set(), {site / "index.html"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = [urlsplit(address) for address in links.read(page).linked]
        within = {(page.parent / parts.path).resolve() for parts in linked if parts.path and not parts.scheme}
        ahead |= {page for page in within if page.suffix == ".html"} - reached
    assert reached == set(site.rglob("*.html")) - {site / "404.html"}
    assert {Path(name).with_suffix(".html").name for name in pages.written().values()} < {page.name for page in reached}


def test_the_reference_has_every_option_of_every_verb(site):
    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    sections = re.split(r'<h2 id="([\w-]+)">', text)
    said = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert said.keys() == VERBS.keys()
    for verb in VERBS:
        for action in verb_parser(verb)._actions:
            for option in {*action.option_strings} - {"-h", "--help"}:
                assert re.search(rf"<td><code>.*{option}\b.*</code></td>", said[verb]), (verb, option)


def test_the_reference_has_every_public_name(site):
    anchors = set.union(*(links.read(site / "reference" / f"{page}.html").anchors for page in ("functions", "classes")))
    named = {name for name in dir(cp) if not name.startswith("_")}
    assert {f"{getattr(cp, name).__module__}.{name}" for name in named} <= anchors


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="other.html">', "other.html is not there"),
        ('<a href="#nowhere">', "#nowhere names no heading there"),
        ('<a href="page.html#x">', "page.html#x names no heading there"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<script src="https://unpkg.com/x"></script>', "asks another host for https://unpkg.com/x"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "asks another host for //fonts.example/x.css"),
        ('<a href="https://example.org"><a href="#here"><a href="page.html#here"><p id="here">', None),
    ],
)
def test_a_fault_is_noticed(tmp_path, body, fault):
    (tmp_path / "page.html").write_text(body)
    assert list(links.faults(tmp_path)) == ([f"page.html: {fault}"] if fault else [])


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Any]:
    """A tab; afterwards it must have been silent and have asked nobody but the disk."""
    tab = browser.new_page(viewport={"width": 400, "height": 800})
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    tab.close()
    assert said == []
    assert [url for url in asked if not url.startswith(site.as_uri())] == []


def test_it_is_read_and_searched_from_disk(opened, site):
    for name in ("tutorial.html", "reference/functions.html", "index.html"):
        opened.goto((site / name).as_uri(), wait_until="networkidle")
        assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
    opened.locator("label[for=__search]").click()
    opened.locator("input[aria-label=Search]").fill("budget")
    found = opened.locator("[role=option]", has_text="By a budget").first
    found.wait_for(timeout=30_000)
    assert found.get_attribute("href").startswith((site / "device.html").as_uri())
