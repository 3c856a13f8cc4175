"""Places that cannot be written: named in one line, before the work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .row import ANALYZE, Row

FILES = {
    "analyze": (ANALYZE, "out.json"),
    "select": ("select @analysis.json --fallback argmax --name tiny_hubert_convexpruned_words", "out.yaml"),
    "leaderboard": ("leaderboard @results.json", "out.md"),
    "profile": ("profile -u tiny_hubert --seconds 0.1 --batch 1 --repeats 1", "out.json"),
    "export": ("export hubert_custom_convexpruned_L2 -k @hubert.pt", "out.pt"),
    "export to onnx": ("export hubert_custom_convexpruned_L2 -k @hubert.pt --format onnx --int8", "out"),
}
FOLDERS = {
    "run": "run -u tiny_hubert -t ks --device cpu",
    "finetune": "finetune -u tiny_hubert -t ks --data-folder @ks/train --device cpu",
    "demo": "demo",
    "prepare": "prepare asr --root @asr",
}
READ_ONLY = "/proc"  # a file system where not even root makes a file


def _locked(path: Path, material: Path) -> None:
    path.mkdir()
    path.chmod(0o555)


def _rows(verb: str, command: str, name: str) -> Iterator[Row]:
    yield Row(f"{verb}: output below a file", f"{command} -o file/{name}", "file", {"file": "mine"})
    yield Row(f"{verb}: output with a name too long", f"{command} -o {'o' * 300}{name}", "too long")
    yield Row(f"{verb}: output with a path too long", f"{command} -o {'ooooooo/' * 600}{name}", "too long")
    yield Row(f"{verb}: output on a read-only file system", f"{command} -o {READ_ONLY}/{name}", READ_ONLY)
    locked = Row(f"{verb}: output in a locked folder", f"{command} -o no/{name}", "no", {"no": _locked})
    yield Row(**{**vars(locked), "unprivileged": True})


ROWS = [
    *(row for verb, (command, name) in FILES.items() for row in _rows(verb, command, name)),
    *(row for verb, command in FOLDERS.items() for row in _rows(verb, command, "out")),
    *(
        Row(f"{verb}: output that is a folder", f"{command} -o {name}", name, {f"{name}/mine": ""})
        for verb, (command, name) in FILES.items()
    ),
    *(
        Row(f"{verb}: output that is a file", f"{command} -o out", "out", {"out": "mine"})
        for verb, command in FOLDERS.items()
    ),
]
