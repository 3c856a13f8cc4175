"""The fenced blocks of the documents, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "downstream_recipes/**/*.md", "s3prl_convexprune/**/*.md")
    for page in ROOT.glob(pattern)
)
#: What a block can need that the suite has not got: ``<!-- needs: corpus -->`` on the line above its fence.
NEEDS = {
    "corpus": "a corpus or a recording of the reader's",
    "network": "a published checkpoint, or packages",
    "minutes": "nothing else; it was run by hand",
    "hours": "nothing else",
}
FENCE = re.compile(r"^(?:<!-- needs: (\w+) -->\n)?```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: the page, the line it begins on, its language ("" for none), its text and what it needs."""

    page: Path
    line: int
    language: str
    text: str
    needs: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    """The blocks of all pages in these languages, or in any if none is given, in reading order."""
    for page in PAGES:
        content = (ROOT / page).read_text(encoding="utf-8")
        for match in FENCE.finditer(content):
            needs, language, text = match.groups()
            if not languages or language in languages:
                yield Block(page, content.count("\n", 0, match.start(2)) + 1, language, text, needs)


def to_run(page: str | None = None) -> list[Block]:
    """The console and python blocks, of one page or all, that have to run here: those with no mark above them."""
    found = [block for block in blocks("console", "python") if block.needs is None]
    return [block for block in found if page is None or block.page == Path(page)]


def commands(block: Block) -> list[list[str]]:
    """The words of each command of a console block, comments and prompts left out.

    In a block with prompts, what has none is output.
    """
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    parts = (shlex.split(part, comments=True) for line in lines for part in line.split(" && "))
    return [words for words in parts if words]
