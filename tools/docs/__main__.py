"""`python -m tools.docs [FOLDER]`: gather, make the reference, build, read what was built, and keep it as FOLDER."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import commands, functions, links, notebook, pages


def main(site: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder))
        if built is None:
            return 1
        found = list(links.faults(built))
        if found:
            print(*found, sep="\n", file=sys.stderr)
            return 1
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(built, site)
    print(f"{site / 'index.html'}: open it in a browser")
    return 0


def build(folder: Path) -> Path | None:
    """The site, built in an empty folder; None where zensical has found something wrong and said so."""
    shutil.copy(pages.ROOT / "zensical.toml", folder)
    (folder / "s3prl_convexprune").symlink_to(pages.ROOT / "s3prl_convexprune")  # what mkdocstrings reads
    gather(folder / "pages")
    done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder)
    return folder / "site" if done.returncode == 0 else None


def gather(folder: Path) -> None:
    """All that zensical reads: the written pages, the tutorial, the reference."""
    project = (pages.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^Repository = "(.+)"$', project, re.M)
    assert match
    pages.gather(folder, match[1])
    shutil.copy(Path(__file__).with_name("iframe-worker.js"), folder)
    (folder / "tutorial.md").write_text(notebook.page(), encoding="utf-8")
    reference = folder / "reference"
    reference.mkdir()
    made = {"commands": commands.page(), "functions": functions.functions_page(), "classes": functions.classes_page()}
    for name, text in made.items():
        (reference / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else pages.ROOT / "site"))
