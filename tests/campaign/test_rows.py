"""Every row of the campaign ends in one line: see the package's docstring for the promise and for how to add rows."""

from __future__ import annotations

import hashlib
import importlib
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.deploy.exporter import CAN_EXPORT, LACKING

from .forkserver import ForkServer
from .row import Row

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("rows_*.py"))
ROWS: list[Row] = [row for name in MODULES for row in importlib.import_module(f"{__package__}.{name}").ROWS]
ERROR = re.compile(r"^(?:s3prl-convexprune|run_downstream\.py)(?: \w+)?: error: (.+)$", re.MULTILINE)
LONGEST = 700  # characters of an error's line: a person reads it


def test_ids_are_unique() -> None:
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids)


def test_the_page_says_how_many() -> None:
    page = Path(__file__).parents[2] / "docs" / "robustness.md"
    stated = re.search(r"at least (\d+) command lines", page.read_text())
    assert stated and int(stated[1]) <= len(ROWS) < int(stated[1]) + 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row(row: Row, server: ForkServer) -> None:
    if "--format onnx" in row.command and not CAN_EXPORT:
        pytest.skip(LACKING)  # which is what the command says first
    material = server.folder / "material"
    folder = Path(tempfile.mkdtemp(dir=server.folder))
    (folder / "tmp").mkdir()
    for name, content in row.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path, material)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    words = [_filled(word, material) for word in shlex.split(row.command)]
    program = [] if words[:1] == ["run_downstream.py"] else ["s3prl-convexprune"]
    environ = {"TMPDIR": str(folder / "tmp")} | {
        key: value and _filled(value, material) for key, value in row.environ.items()
    }
    before = _state(folder)

    ended = server.run([*program, *words], folder, environ, row.unprivileged)

    said = f"\n--- stdout\n{ended.stdout[-3000:]}\n--- stderr\n{ended.stderr[-6000:]}"
    assert "Traceback" not in ended.stdout + ended.stderr, said
    assert ended.status == row.status, f"status {ended.status}{said}"
    errors = ERROR.findall(ended.stderr)
    assert len(errors) == int(row.status != 0), said
    line = errors[0] if errors else ended.stdout + ended.stderr
    for wanted in (row.says,) if isinstance(row.says, str) else row.says:
        assert wanted in line, f"{wanted!r} is not said{said}"
    assert not errors or len(line) <= LONGEST, said
    assert not ended.orphans, said
    after = _state(folder)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    left = {path for path in changed if not any(Path(path).match(pattern) for pattern in row.leaves)}
    assert not left, f"made, changed or removed: {sorted(left)}{said}"
    shutil.rmtree(folder)


def _filled(word: str, material: Path) -> str:
    return re.sub(r"(?:^|(?<==))@", f"{material}/", word)


def _state(folder: Path) -> dict[str, object]:
    """Everything below a folder: what kind of thing it is, and its content's hash."""
    return {str(path.relative_to(folder)): _kind(path) for path in sorted(folder.rglob("*"))}


def _kind(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return "folder" if path.is_dir() else "special"
