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
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: the page, the line it begins on, its language ("" for none) and its text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    """The blocks of all pages in these languages, in reading order."""
    for page in PAGES:
        content = (ROOT / page).read_text(encoding="utf-8")
        for match in FENCE.finditer(content):
            if match[1] in languages:
                yield Block(page, content.count("\n", 0, match.start()) + 1, match[1], match[2])


def commands(block: Block) -> list[list[str]]:
    """The words of each command of a console block, comments and prompts left out.

    In a block with prompts, what has none is output.
    """
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    parts = (shlex.split(part, comments=True) for line in lines for part in line.split(" && "))
    return [words for words in parts if words]
