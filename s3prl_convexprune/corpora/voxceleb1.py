"""VoxCeleb1 (Nagrani et al., arXiv 1706.08612): celebrities in videos, 1251 speakers.

Layout: `dev/wav/SPEAKER/VIDEO/UTTERANCE.wav` and `test/wav/...`, or both under one `wav/`; and, for the
splits of speaker identification, VoxCeleb's own `iden_split.txt` (`SPLIT SPEAKER/VIDEO/UTTERANCE.wav` a
line), which s3prl calls `veri_test_class.txt`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..progress import progress_bar
from .layout import write_audio, write_lines
from .lines import read_lines
from .manifest import Utterance, by_split
from .prepared import Prepared, need, put

SPLITS = {"1": "train", "2": "dev", "3": "test"}
LIST_NAMES = ("iden_split.txt", "veri_test_class.txt")
SOURCE = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/iden_split.txt"
FIRST_SPEAKER, SPEAKERS = 10001, 1251


def read_iden_split(path: Path) -> dict[str, str]:
    """`SPEAKER/VIDEO/UTTERANCE.wav` -> train, dev or test, in the list's order.

    Raises:
        CorpusError: a line is not of the list's form.
    """
    split_of = {}
    for number, line in enumerate(read_lines(path), start=1):
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


def identification_splits(root: Path, iden_split: str | Path | None = None) -> dict[str, list[Utterance]]:
    """train, dev and test of speaker identification, which hold out videos.

    Args:
        root: as `read` takes it.
        iden_split: VoxCeleb's list; the one in the root when None.

    Raises:
        CorpusError: the list or the corpus is missing or damaged.
    """
    listed = Path(iden_split) if iden_split else find_iden_split(root)
    if listed is None or not listed.is_file():
        raise CorpusError(
            f"{listed or root / LIST_NAMES[0]} is missing: VoxCeleb's own split, beside the audio on its site"
        )
    split_of = read_iden_split(listed)
    return by_split(replace(row, split=split_of.get("/".join(row.path.parts[-3:]))) for row in read(root, "speaker"))


def prepare(root: Path, place: Path) -> Prepared:
    """Write `veri_test_class.txt` after every file that it lists was found.

    Args:
        root: the folder with `dev/wav` and `test/wav`, and VoxCeleb's `iden_split.txt`.
        place: where the list goes.

    Raises:
        CorpusError: no list, a damaged list, a listed file that is not there, or a speaker outside VoxCeleb1.
    """
    need(root / "dev" / "wav", "s3prl reads VoxCeleb1 as dev/wav/SPEAKER/VIDEO/UTTERANCE.wav")
    need(root / "test" / "wav", "s3prl reads VoxCeleb1 as test/wav/SPEAKER/VIDEO/UTTERANCE.wav")
    source = find_iden_split(root)
    if source is None:
        raise CorpusError(f"{root / LIST_NAMES[0]} is missing; VoxCeleb publishes it at {SOURCE}")
    listed = read_iden_split(source)
    there = {
        "/".join(path.parts[-3:])
        for speaker in progress_bar(sorted(root.glob("*/wav/*")), desc="VoxCeleb1 speakers")
        for path in speaker.glob("*/*.wav")
    }
    for name in listed:
        number = name[2:].partition("/")[0]
        if not (number.isdigit() and 0 <= int(number) - FIRST_SPEAKER < SPEAKERS):
            raise CorpusError(f"{source}: {name} is not of a VoxCeleb1 speaker (id10001 to id11251)")
        if name not in there:
            raise CorpusError(
                f"{root}/dev/wav/{name} (or test/wav/...) is missing: of the {len(listed)} files in "
                f"{source.name}, {len(set(listed) - there)} are not there"
            )
    empty = sorted(set(SPLITS.values()) - set(listed.values()))
    if empty:
        raise CorpusError(f"{source} lists no file of the split {empty[0]} (1 train, 2 dev, 3 test)")
    written = put(place / LIST_NAMES[1], source.read_text())
    note = "plain s3prl caches one file list for all data sets; run_downstream.py of this package does not"
    return Prepared("sid", (written,), {"S3PRL_CONVEXPRUNE_DATA_VOXCELEB1": str(root)}, (note,))


@dataclass(frozen=True)
class Clip:
    """One utterance to lay out: the speaker's number from 0 on, the video's name, the utterance's number from 1 on,
    its split, and its samples."""

    speaker: int
    video: str
    number: int
    split: str
    samples: np.ndarray


def lay_out(root: Path, clips: Iterable[Clip], test_speakers: Iterable[int]) -> Path:
    """Write a corpus as VoxCeleb1 lies on disk, its `iden_split.txt` among it.

    Args:
        root: where; made if it is not there.
        clips: the utterances, in the list's order.
        test_speakers: whose utterances lie in `test/`, not in `dev/`; that is verification's split, identification
            reads both.
    """
    numbers = {split: number for number, split in SPLITS.items()}
    apart, lines = set(test_speakers), []
    for clip in clips:
        name = f"id{FIRST_SPEAKER + clip.speaker}/{clip.video}/{clip.number:05d}.wav"
        write_audio(root / ("test" if clip.speaker in apart else "dev") / "wav" / name, clip.samples)
        lines.append(f"{numbers[clip.split]} {name}")
    write_lines(root / LIST_NAMES[0], lines)
    return root
