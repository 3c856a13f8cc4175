"""LibriSpeech (Panayotov et al. 2015): read books, 16 kHz FLAC.

Layout: `SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac`. Words and phonemes need forced alignments, which
the corpus does not have: TextGrids or CTM files in `alignments/` under the root, or wherever `alignments`
says.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..errors import CorpusError
from .alignments import read_alignments
from .manifest import Utterance

SUBSETS = ("train-clean-100", "dev-clean", "test-clean")
log = logging.getLogger(__name__)


def read(
    root: Path, label: str, alignments: str | Path | None = None, subsets: Sequence[str] = SUBSETS
) -> list[Utterance]:
    """Read the subsets that SUPERB uses, or others.

    Args:
        root: the folder with the subsets (`LibriSpeech`).
        label: ``speaker``, or ``word`` or ``phoneme`` (ARPABET without stress, or the aligner's own set).
        alignments: folder of TextGrids or CTM files, or one CTM file; `ROOT/alignments` when None, or the
            root itself when that is not there.
        subsets: which subset folders; those that are not there are passed over.

    Returns:
        For ``speaker`` one utterance a file; for ``word`` and ``phoneme`` one segment a word or phoneme,
        silences left out. The split is the first part of the subset's name.

    Raises:
        CorpusError: none of the subsets is there, they hold no FLAC files, or no alignment fits them.
    """
    present = [root / subset for subset in subsets if (root / subset).is_dir()]
    if not present:
        raise CorpusError(f"{root} has none of the LibriSpeech folders {', '.join(subsets)}")
    files = {path.stem: (path, subset.name.split("-")[0]) for subset in present for path in subset.glob("*/*/*.flac")}
    if not files:
        raise CorpusError(f"{present[0]} has no LibriSpeech files (SPEAKER/CHAPTER/SPEAKER-CHAPTER-0000.flac)")
    if label == "speaker":
        return [
            Utterance(path, {"speaker": speaker}, speaker=speaker, split=split)
            for name, (path, split) in files.items()
            for speaker in [name.split("-")[0]]
        ]
    default = root / "alignments"
    place = Path(alignments) if alignments is not None else default if default.is_dir() else root
    if not place.exists():
        raise CorpusError(f"{place} does not exist; it should hold the alignments of {root}")
    rows: list[Utterance] = []
    aligned = set()
    for name, segments in read_alignments(place, label):
        if name not in files:
            continue
        path, split = files[name]
        speaker = name.split("-")[0]
        aligned.add(name)
        rows += [
            Utterance(path, {label: segment.label, "speaker": speaker}, segment.start, segment.end, speaker, split)
            for segment in segments
        ]
    if not rows:
        raise CorpusError(f"the alignments in {place} fit no utterance under {root}")
    if missing := sorted(set(files) - aligned):
        log.warning("%d of %d utterances have no alignment (first: %s)", len(missing), len(files), missing[0])
    return rows
