"""A reader who has only README.md finds what is asked most within three links, and no link of a page leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.docs import pages

from .blocks import ROOT

README = ROOT / "README.md"
#: What is asked; the heading that answers, and what has to stand below it.
ASKED = {
    "how to cut WavLM for my own labels": (
        "docs/python.md",
        "A cut of WavLM for labels of your own",
        ("analyze -u wavlm --corpus manifest.csv", "select dialect.json --name", "run -u wavlm wavlm_dialect"),
    ),
    "how sure the choice is": (
        "docs/convexity.md",
        "How sure the choice is",
        ("undecided", "--fallback", "variations"),
    ),
    "what it costs on my device": (
        "docs/leaderboard.md",
        "What a cut costs, on your machine",
        ("profile -u hubert hubert_convexpruned_L6", "Times", "Peak memory", "MACs", "Parameters"),
    ),
    "whether it fits my device": ("docs/device.md", "By a budget", ("--by-depth", "--max-latency-ms", "--max-mb")),
    "whether it reproduces the paper": ("docs/paper.md", "Does this reproduce the paper?", ("Not yet.",)),
}


def headings(page: Path) -> dict[str, str]:
    """What stands below each heading of a page, code included, up to the next of its rank or above."""
    text = page.read_text(encoding="utf-8")
    parts = pages.FENCED.split(text)
    marked = "".join(re.sub(r"^#", "\\#", part, flags=re.M) if part.startswith("```") else part for part in parts)
    found = list(re.finditer(r"^(#+) (.+)$", marked, re.M))
    ends = [
        next((later.start() for later in found[place + 1 :] if len(later[1]) <= len(one[1])), len(marked))
        for place, one in enumerate(found)
    ]
    return {one[2]: marked[one.end() : end] for one, end in zip(found, ends, strict=True)}


def anchor(heading: str) -> str:
    """A heading's address, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def clicks() -> dict[Path, int]:
    """How many links from the README each file is away."""
    away, ahead = {README: 0}, [README]
    for page in ahead:
        if page.suffix == ".md":
            for target, _ in pages.links(page):
                if target not in away:
                    away[target] = away[page] + 1
                    ahead.append(target)
    return away


@pytest.mark.parametrize("question", ASKED)
def test_it_is_answered_within_three(question):
    page, heading, answer = ASKED[question]
    below = headings(ROOT / page)[heading]
    assert [words for words in answer if words not in below] == []
    assert clicks()[ROOT / page] <= 3
    if ROOT / page != ROOT / "docs" / "device.md":  # whose sections all answer
        assert (ROOT / page, anchor(heading)) in set(pages.links(README))


def test_every_page_is_within_three():
    assert {page for page in pages.written() if clicks().get(page, 9) > 3} == set()


@pytest.mark.parametrize("page", sorted(pages.written()), ids=lambda page: page.name)
def test_no_link_leads_nowhere(page):
    for target, fragment in pages.links(page):
        assert target.exists(), target
        assert not fragment or fragment in map(anchor, headings(target)), f"{target.name}#{fragment}"


def test_the_readme_is_one_screen():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 100
