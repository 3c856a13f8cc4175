"""The tutorial, `docs/tutorial.ipynb`: its cells run in order, as a notebook's do, and as a page of the site.

`python -m tools.docs.notebook` runs it in a temporary folder and keeps what its cells print.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .pages import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


@dataclass(frozen=True)
class Cell:
    """One cell: whether it is code, its text, and what it printed ("" for nothing)."""

    code: bool
    text: str
    printed: str


def cells(notebook: Path = NOTEBOOK) -> list[Cell]:
    """The cells of a notebook of version 4; of outputs, the printed text."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        Cell(
            cell["cell_type"] == "code",
            "".join(cell["source"]),
            "".join("".join(output["text"]) for output in cell.get("outputs", [])),
        )
        for cell in found
    ]


def run(notebook: Path = NOTEBOOK) -> list[str]:
    """What each code cell prints, run here and now, in the working folder."""
    space: dict[str, object] = {}
    printed = []
    for cell in cells(notebook):
        if cell.code:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(cell.text, str(notebook), "exec"), space)
            printed.append(out.getvalue())
    return printed


def page(notebook: Path = NOTEBOOK) -> str:
    """The notebook in Markdown, what was printed below each cell."""
    parts = []
    for cell in cells(notebook):
        parts.append(f"```python\n{cell.text}\n```" if cell.code else cell.text)
        if cell.printed:
            parts.append(f"```text\n{cell.printed.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def keep(notebook: Path = NOTEBOOK) -> None:
    """Run the notebook and write what it printed into it."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            printed = iter(run(notebook))
        finally:
            os.chdir(here)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            text = next(printed)
            kept = {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}
            cell["outputs"] = [kept] if text else []
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    keep()
