"""What was built, read as a browser would: links lead somewhere, and nothing is asked of another host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes whose address a browser loads by itself, by tag; those of other tags wait for a click.
LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("audio", "src")}
#: `<link rel=...>` that load something.
LOADING = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch", "manifest"}


@dataclass
class Page(HTMLParser):
    """Anchors and links of one page."""

    loaded: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.linked.append(given["href"])
        if tag == "link" and LOADING & set(given.get("rel", "").split()):
            self.loaded.append(given.get("href", ""))
        self.loaded += [value for name, value in given.items() if (tag, name) in LOADED]


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> Iterator[str]:
    """What is wrong with a built site, a line each: missing files and anchors, requests to other hosts."""
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        for address in page.loaded:
            if _elsewhere(address):
                yield f"{where}: asks another host for {address}"
        for address in [*page.loaded, *page.linked]:
            parts = urlsplit(address)
            if _elsewhere(address) or parts.scheme or where.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{where}: {address} is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: {address} names no heading there"
    for style in sorted(site.rglob("*.css")):
        if any(mark in style.read_text(encoding="utf-8") for mark in ("url(http", "url(//", '@import "http')):
            yield f"{style.relative_to(site)}: asks another host"


def _elsewhere(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https")
