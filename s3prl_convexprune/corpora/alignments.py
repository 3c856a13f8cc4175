"""Forced alignments: which word or phoneme is spoken from when to when.

Two forms are read: Praat TextGrids as the Montreal Forced Aligner writes them (tiers `words` and `phones`,
read by praatio), and CTM (`UTTERANCE CHANNEL START DURATION LABEL` a line, as Kaldi and NeMo write them).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorpusError
from .lines import read_lines

TIERS = {"word": "words", "phoneme": "phones"}
SILENCES = {"", "sil", "sp", "spn", "<eps>", "<unk>", "<sil>"}


@dataclass(frozen=True)
class Segment:
    """A labelled stretch of an utterance, `start` and `end` in seconds."""

    start: float
    end: float
    label: str


def normalize(label: str, kind: str) -> str | None:
    """A label as a class name, or None for silence.

    Words become lower case; phonemes lose ARPABET's stress and Kaldi's word position.

    >>> [normalize(label, "phoneme") for label in ("AH0", "DH_B", "sil")]
    ['AH', 'DH', None]
    >>> normalize("The", "word")
    'the'
    """
    text = label.strip()
    if kind == "phoneme":
        text = re.sub(r"_[BIES]$", "", text)
        text = re.sub(r"(?<=[A-Z])[012]$", "", text)
    else:
        text = text.lower()
    return None if text.lower() in SILENCES else text


def read_textgrid(path: Path, kind: str) -> list[Segment]:
    """The segments of one TextGrid.

    Args:
        path: the file, long or short form.
        kind: ``word`` or ``phoneme``.

    Raises:
        CorpusError: praatio is not installed, the file cannot be parsed, is cut off, or has
            no such tier.
    """
    try:
        from praatio import textgrid
    except ImportError as error:
        raise CorpusError('reading TextGrids needs praatio: pip install "s3prl-convexprune[alignments]"') from error
    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    except Exception as error:
        raise CorpusError(f"{path} cannot be read as a TextGrid: {error or type(error).__name__}") from error
    names = [name for name in grid.tierNames if name == TIERS[kind] or name.endswith(f" - {TIERS[kind]}")]
    if not names:
        raise CorpusError(f"{path} has no tier {TIERS[kind]!r}; its tiers are {', '.join(grid.tierNames)}")
    segments = []
    for name in names:
        tier = grid.getTier(name)
        if not tier.entries or tier.entries[-1].end < tier.maxTimestamp - 1e-3:
            raise CorpusError(f"{path}: tier {name!r} ends before {tier.maxTimestamp} s; the file is cut off")
        labels = [(entry, normalize(entry.label, kind)) for entry in tier.entries]
        segments += [Segment(float(e.start), float(e.end), label) for e, label in labels if label is not None]
    return segments


def read_ctm(path: Path, kind: str) -> dict[str, list[Segment]]:
    """Utterance -> segments of one CTM file; lines that start with `;;` are comments.

    Raises:
        CorpusError: a line does not have five fields with a start and a positive duration.
    """
    segments: dict[str, list[Segment]] = defaultdict(list)
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith(";;"):
            continue
        fields = line.split()
        try:
            utterance, start, duration, text = fields[0], float(fields[2]), float(fields[3]), fields[4]
        except (IndexError, ValueError) as error:
            raise CorpusError(
                f"{path} line {number}: expected UTTERANCE CHANNEL START DURATION LABEL, not {line.strip()!r}"
            ) from error
        if not (0 <= start < math.inf and 0 <= duration < math.inf):
            raise CorpusError(f"{path} line {number}: expected a start and a duration from 0 on, not {line.strip()!r}")
        label = normalize(text, kind)
        if label is not None and duration > 0:
            segments[utterance].append(Segment(start, round(start + duration, 6), label))
    return dict(segments)


def read_alignments(place: Path, kind: str) -> Iterator[tuple[str, list[Segment]]]:
    """Every aligned utterance of a CTM file, or of the TextGrids or CTM files under a folder.

    CTM files in a folder must say in their name what they hold: `*word*.ctm`, `*phon*.ctm`.

    Raises:
        CorpusError: there is no alignment of that kind.
    """
    if place.is_file():
        yield from read_ctm(place, kind).items()
        return
    grids = sorted(place.rglob("*.TextGrid"))
    if grids:
        for path in grids:
            yield path.stem, read_textgrid(path, kind)
        return
    part = "word" if kind == "word" else "phon"
    tables = sorted(path for path in place.rglob("*.ctm") if part in path.name.lower())
    if not tables:
        raise CorpusError(
            f"no {kind} alignments under {place}: expected *.TextGrid (Montreal Forced Aligner), *{part}*.ctm"
        )
    for path in tables:
        yield from read_ctm(path, kind).items()
