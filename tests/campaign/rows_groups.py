"""Bad input to what groups decide: `analyze --group` and `--across`, and the folds of `screen`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from s3prl_convexprune.analysis.kept_points import KeptPoints
from s3prl_convexprune.artifact import Analysis

from .row import ANALYZE, Row


def manifest(*groups: str) -> dict[str, str]:
    """`m.csv`, the material's audio with a column `room`: one group a letter, four letters a word."""
    lines = [f"w{word}_{take}.wav,w{word},{groups[word][take]}" for word in range(3) for take in range(4)]
    return {"m.csv": "\n".join(["path,word,room", *lines]) + "\n"}


def analysis(path: Path, material: Path) -> None:
    """The material's analysis."""
    shutil.copy(material / "analysis.json", path)


def points(*speakers: str, widths: tuple[int, ...] = (4, 4), first: float = 0.0):
    """Kept points of that analysis: four letters a word, each somebody who speaks."""

    def write(path: Path, material: Path) -> None:
        key = Analysis.read(material / "analysis.json").settings.key
        columns = {"word": [f"w{k // 4}" for k in range(12)], "speaker": [s.strip() for s in "".join(speakers)]}
        rng = np.random.default_rng(0)
        states = tuple(rng.normal(size=(12, width)).astype(np.float32) for width in widths)
        states[0][0, 0] = first
        KeptPoints(key, tuple(range(len(widths))), states, columns).write(path)

    return write


def kept(write: object) -> dict[str, object]:
    """An analysis with these points beside it."""
    return {"a.json": analysis, "a.points.npz": write}


ROOMS = f"{ANALYZE} --corpus m.csv --root @audio --neighbors 3 --group room"
SCREEN = "screen a.json --steps 2"

ROWS = [
    Row("groups: the labels themselves", f"{ANALYZE} --group word", "groups are the labels themselves"),
    Row("groups: one only", ROOMS, ("--group room", "at least two"), manifest("aaaa", "aaaa", "aaaa")),
    Row("groups: a class in one only", ROOMS, ("'w1'", "of one group"), manifest("abab", "bbbb", "abab")),
    Row("groups: one class has a group of its own", f"{ROOMS} --across room", ("--group room", "'w2'"),
        manifest("abab", "abab", "cccc")),
    Row("groups: more blocks than groups", f"{ROOMS} --group-blocks 5", "2 to 2 blocks",
        manifest("abab", "abab", "abab")),
    Row("groups: no such column", f"{ANALYZE} --group rooom", "speaker"),
    Row("groups: not known of all", f"{ANALYZE} --group session", "not every utterance has one"),
    Row("across: one only", f"{ROOMS} --group none --across room", ("--across room", "at least two"),
        manifest("aaaa", "aaaa", "aaaa")),
    Row("across: a class in one only", f"{ROOMS} --group none --across room", ("--across room", "'w1'"),
        manifest("abab", "bbbb", "abab")),
    Row("screen: no such analysis", "screen nowhere.json", "nowhere.json"),
    Row("screen: no points", SCREEN, "--keep-points", {"a.json": analysis}),
    Row("screen: points that are none", SCREEN, "not the kept points", kept("nothing")),
    Row("screen: one group", SCREEN, ("all points have one speaker", "--group"), kept(points("aaaa", "aaaa", "aaaa"))),
    Row("screen: a class in one group", SCREEN, ("'w1'", "one speaker only"), kept(points("abab", "bbbb", "abab"))),
    Row("screen: points without a speaker", f"{SCREEN} --group speaker", ("speaker", "2 of 12"),
        kept(points("ab b", "abab", "ab b"))),
    Row("screen: points that are NaN", SCREEN, ("state_000", "NaN"),
        kept(points("abab", "abab", "abab", first=np.nan))),
    Row("screen: no such column", f"{SCREEN} --group spaeker", "speaker", kept(points("abab", "abab", "abab"))),
    Row("screen: states of different widths", SCREEN, "cannot be summed",
        kept(points("abab", "abab", "abab", widths=(4, 5)))),
    Row("screen: a last LayerNorm that is neither", f"{SCREEN} --final-norm kept", "'keep'",
        kept(points("abab", "abab", "abab"))),
    Row("screen: no heads", f"{SCREEN} --heads 0", "--heads", kept(points("abab", "abab", "abab"))),
]  # fmt: skip
