"""Manifests that are not what they seem, each before a model is loaded."""

from __future__ import annotations

import os
from pathlib import Path

from .row import ANALYZE, Content, Row

GOOD = [f"audio/w{word}_{take}.wav,w{word}" for word in range(3) for take in range(2)]


def lines(*rows: str, header: str = "path,word") -> str:
    return "\n".join([header, *rows]) + "\n"


def _fifo(path: Path, material: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path, material: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path, material: Path) -> None:
    path.symlink_to("/dev/zero")


def _locked(path: Path, material: Path) -> None:
    path.write_text(lines(*GOOD))
    path.chmod(0)


MANIFESTS: dict[str, tuple[Content, str]] = {
    "empty": ("", "header"),
    "one byte": ("p", "'path'"),
    "a header alone": ("path,word\n", "no rows"),
    "no column path": (lines(*GOOD, header="file,word"), "'path'"),
    "semicolons": (lines("a.wav;yes", header="path;word"), "'path'"),
    "a column twice": (lines("a.wav,yes,no", header="path,word,word"), "'word' twice"),
    "a short row": (lines("a.wav"), "line 2"),
    "a long row": (lines("a.wav,yes,no"), "line 2"),
    "an empty path": (lines(",yes"), "line 2"),
    "a line break in a path": (lines('"a\nb.wav",yes'), "line break"),
    "a tab in a path": (lines("a\tb.wav,yes"), "control character"),
    "a field of 200 kB": (lines(f"a.wav,{'y' * 200_000}"), "not CSV"),
    "UTF-16": (lines(*GOOD).encode("utf-16"), "UTF-8"),
    "Latin-1": ("path,word\nmül.wav,yes\n".encode("latin-1"), "UTF-8"),
    "NUL bytes": (lines("a\0b.wav,yes"), "m.csv"),
    "start without end": (lines("a.wav,yes,1,", header="path,word,start,end"), "both start and end"),
    "a segment backwards": (lines("a.wav,yes,2,1", header="path,word,start,end"), "start < end"),
    "a time in words": (lines("a.wav,yes,one,2", header="path,word,start,end"), "'one'"),
    "NaN as a time": (lines("a.wav,yes,nan,2", header="path,word,start,end"), "nan"),
    "a negative time": (lines("a.wav,yes,-1,2", header="path,word,start,end"), "-1"),
    "a segment beyond its file": (lines(*(f"{row},0,9" for row in GOOD), header="path,word,start,end"), "ends at 9"),
    "an infinite segment": (lines(*(f"{row},0,inf" for row in GOOD), header="path,word,start,end"), "ends at inf"),
    "no such label": (lines(*GOOD, header="path,wrod"), "'wrod'"),
    "one class": (lines("audio/w0_0.wav,a", "audio/w0_1.wav,a"), "1 class"),
    "empty labels": (lines("audio/w0_0.wav,", "audio/w0_1.wav,"), "word"),
    "a class of one": (lines(*GOOD[:5]), "'w2'"),
    "one file under two classes": (lines(*GOOD, "audio/w0_0.wav,w1"), "'w0' and 'w1'"),
    "one file twice": (lines(*GOOD, "audio/w0_0.wav,w0"), "twice as 'w0'"),
    "a file that is not there": (lines(*GOOD, "audio/gone.wav,w0"), "gone.wav"),
    "a folder as a file": (lines(*GOOD, "audio,w0"), "audio"),
    "a URL as a file": (lines(*GOOD, "https://example.com/a.wav,w0"), "a.wav"),
    "a name of 5000 characters": (lines(*GOOD, f"{'n' * 5000}.wav,w0"), "nnn"),
    "a FIFO": (_fifo, "not a file"),
    "a link to itself": (_loop, "m.csv"),
    "a link to /dev/zero": (_device, "not a file"),
}

ROWS = [
    *(
        Row(f"manifest: {what}", f"{ANALYZE} --corpus m.csv --root @. --neighbors 2", says, {"m.csv": content})
        for what, (content, says) in MANIFESTS.items()
    ),
    Row("manifest: a folder", f"{ANALYZE} --corpus m.csv", "m.csv", {"m.csv/x": ""}),
    Row("manifest: without rights", f"{ANALYZE} --corpus m.csv", "m.csv", {"m.csv": _locked}, unprivileged=True),
    Row("manifest: a root that is not there", f"{ANALYZE} --root nowhere", "nowhere"),
    Row("manifest: a root that is a file", f"{ANALYZE} --root @hubert.pt", "hubert.pt"),
    Row("manifest: K beyond the points", f"{ANALYZE} --neighbors 12", "12"),
]
