"""VoxCeleb1 (Nagrani et al., arXiv 1706.08612): celebrities in videos, 1251 speakers.

Layout: `dev/wav/SPEAKER/VIDEO/UTTERANCE.wav` and `test/wav/...`, or both under one `wav/`; and, for the
splits of speaker identification, VoxCeleb's own `iden_split.txt` (`SPLIT SPEAKER/VIDEO/UTTERANCE.wav` a
line).
"""

from __future__ import annotations

from pathlib import Path

from ..errors import CorpusError
from .manifest import Utterance

SPLITS = {"1": "train", "2": "dev", "3": "test"}
LIST_NAMES = ("iden_split.txt", "veri_test_class.txt")


def read_iden_split(path: Path) -> dict[str, str]:
    """`SPEAKER/VIDEO/UTTERANCE.wav` -> train, dev or test, in the list's order.

    Raises:
        CorpusError: a line is not of the list's form.
    """
    split_of = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or fields[0] not in SPLITS or fields[1].count("/") != 2:
            raise CorpusError(
                f"{path} line {number}: expected `1|2|3 SPEAKER/VIDEO/UTTERANCE.wav`, found {line.strip()!r}"
            )
        split_of[fields[1]] = SPLITS[fields[0]]
    if not split_of:
        raise CorpusError(f"{path} is empty; VoxCeleb's iden_split.txt has a line an utterance")
    return split_of


def find_iden_split(root: Path) -> Path | None:
    """VoxCeleb's list in the corpus root, under its own name or under s3prl's."""
    return next((root / name for name in LIST_NAMES if (root / name).is_file()), None)


def read(root: Path, label: str) -> list[Utterance]:
    """Read every wav file.

    Args:
        root: the folder with `dev/` and `test/`, or with `wav/`.
        label: ``speaker``.

    Returns:
        One utterance a file. With `iden_split.txt` in the root, those that it lists, with their split;
        without it all files, with no split.

    Raises:
        CorpusError: there are no wav files in that layout, or none that the list names.
    """
    files = {
        "/".join(path.parts[-3:]): path
        for pattern in ("*/wav/*/*/*.wav", "wav/*/*/*.wav")
        for path in root.glob(pattern)
    }
    if not files:
        raise CorpusError(f"{root} has no VoxCeleb1 files (dev/wav/SPEAKER/VIDEO/UTTERANCE.wav)")
    iden_split = find_iden_split(root)
    split_of = read_iden_split(iden_split) if iden_split else dict.fromkeys(files)
    rows = [
        Utterance(files[name], {"speaker": name.split("/")[0]}, speaker=name.split("/")[0], split=split)
        for name, split in split_of.items()
        if name in files
    ]
    if not rows:
        raise CorpusError(f"{iden_split} names no file that is under {root}")
    return rows
