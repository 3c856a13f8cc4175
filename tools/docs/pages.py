"""The written pages, gathered in one folder, with their links as that folder has them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages beside `docs/`, and what the site calls them.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
FENCED = re.compile(r"(^```.*?^```$)", re.M | re.S)
LINK = re.compile(r"(?<=\])\((?!https?://|#|mailto:)([^)\s#]+)(#[^)\s]*)?\)")


def written(root: Path = ROOT) -> dict[Path, str]:
    """The pages that people wrote, and their names on the site."""
    pages = {root / name: called for name, called in BESIDE.items()}
    return pages | {page: page.name for page in sorted((root / "docs").glob("*.md"))}


def gather(folder: Path, repository: str, root: Path = ROOT) -> None:
    """Copy pages and images into a new folder.

    Args:
        folder: where zensical will read; made here.
        repository: address of the repository, for links to files that are no pages.
        root: the repository.

    Raises:
        ValueError: a link that leads to no file; the message names the page.
    """
    shutil.copytree(root / "docs" / "images", folder / "images")
    names = written(root)
    for page, name in names.items():
        text = relinked(page.read_text(encoding="utf-8"), page, names, repository, root)
        (folder / name).write_text(text, encoding="utf-8")


def relinked(text: str, page: Path, names: dict[Path, str], repository: str, root: Path = ROOT) -> str:
    """A page's text with its links as the site has them; code blocks stay."""

    def link(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(page.parent / match[1]))
        if not target.exists():
            raise ValueError(f"{page.relative_to(root)}: {match[1]} is not there")
        if target in names:
            to = names[target]
        elif target.is_relative_to(root / "docs" / "images"):
            to = target.relative_to(root / "docs").as_posix()
        else:
            to = f"{repository}/blob/main/{target.relative_to(root).as_posix()}"
        return f"({to}{match[2] or ''})"

    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in FENCED.split(text))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page's text links to, each with the heading's anchor ("" for none)."""
    for part in FENCED.split(page.read_text(encoding="utf-8")):
        if not part.startswith("```"):
            for match in LINK.finditer(part):
                yield Path(os.path.normpath(page.parent / match[1])), (match[2] or "").lstrip("#")
