"""LibriSpeech (Panayotov et al. 2015): read books, 16 kHz FLAC.

Layout: `SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac`, a chapter's transcripts beside it in
`SPEAKER-CHAPTER.trans.txt`. Words and phonemes need forced alignments, which the corpus does not have: TextGrids or
CTM files in `alignments/` under the root, or wherever `alignments` says.

s3prl makes batches of similar length from a table of lengths, with the columns of its
`preprocess/generate_len_for_bucket.py`: a row number without a name, `file_path` from the corpus's folder on, `length`
in samples, and an empty `label`; longest first. Files of equal length are in the order of their names.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from ..errors import CorpusError
from ..progress import progress_bar
from ..sampling import SAMPLE_RATE
from .alignments import read_alignments
from .layout import write_audio, write_lines
from .lines import read_lines
from .manifest import Utterance
from .prepared import Prepared, need, put

SUBSETS = ("train-clean-100", "dev-clean", "test-clean")
# the letters of LibriSpeech's training transcripts, most frequent first, `|` for the end of a word: the order
# of fairseq's and s3prl's letter dictionaries, hence the order of a model's outputs
LETTERS = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"
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


def transcript_file(chapter: Path) -> Path:
    """The transcripts of a chapter's folder."""
    return chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt"


def with_transcripts(rows: Iterable[Utterance]) -> list[Utterance]:
    """The utterances with the label ``transcript``, from the files of their chapters.

    Raises:
        CorpusError: a chapter has no transcripts, or an utterance has none.
    """
    texts: dict[Path, dict[str, str]] = {}
    labelled = []
    for row in rows:
        file = transcript_file(row.path.parent)
        if file not in texts:
            lines = read_lines(need(file, f"it holds the transcripts of {row.path.parent}"))
            texts[file] = dict(line.split(maxsplit=1) for line in lines if " " in line)
        if row.path.stem not in texts[file]:
            raise CorpusError(f"{file} has no transcript of {row.path.stem}")
        labelled.append(replace(row, labels={**row.labels, "transcript": texts[file][row.path.stem]}))
    return labelled


def subset_splits(root: Path, subsets: dict[str, list[str]]) -> dict[str, list[Utterance]]:
    """Split -> the transcribed utterances of its subsets.

    Raises:
        CorpusError: a subset is not there, or has no audio or transcripts.
    """
    for name in (name for names in subsets.values() for name in names):
        if not (root / name).is_dir():
            raise CorpusError(f"{root} has no LibriSpeech subset {name}")
    return {split: with_transcripts(read(root, "speaker", subsets=names)) for split, names in subsets.items()}


def letter_dictionary() -> str:
    """`char.dict`: a symbol and a count a line; only the order counts."""
    return "".join(f"{letter} 1\n" for letter in LETTERS)


def audio_files(subset: Path) -> list[Path]:
    """Every FLAC file of a subset, each with its chapter's transcripts beside it.

    Raises:
        CorpusError: the subset, its audio or a chapter's transcripts are missing.
    """
    need(subset, "SUPERB's ASR reads train-clean-100, dev-clean and test-clean")
    files = sorted(subset.glob("*/*/*.flac"))
    if not files:
        raise CorpusError(f"{subset} has no files SPEAKER/CHAPTER/SPEAKER-CHAPTER-0000.flac")
    for chapter in sorted({path.parent for path in files}):
        need(transcript_file(chapter), "the transcripts of that chapter")
    return files


def samples(path: Path) -> int:
    """Length of a 16 kHz file in samples, from its header.

    Raises:
        CorpusError: it cannot be read, or has another rate.
    """
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise CorpusError(f"{path} cannot be read as audio") from error
    if info.samplerate != SAMPLE_RATE:
        raise CorpusError(f"{path} is sampled at {info.samplerate} Hz; LibriSpeech is at {SAMPLE_RATE} Hz")
    return int(info.frames)


def listed_files(table: Path) -> set[str]:
    """The files that a table made before lists; none when it is not there."""
    if not table.is_file():
        return set()
    with table.open(newline="") as file:
        return {row.get("file_path", "") for row in csv.DictReader(file)}


def length_table(root: Path, files: list[Path]) -> str:
    """The table of lengths of one subset, as CSV."""
    bar = progress_bar(files, desc=files[0].parts[-4])
    lengths = [(samples(path), path.relative_to(root).as_posix()) for path in bar]
    lengths.sort(key=lambda row: (-row[0], row[1]))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["", "file_path", "length", "label"])
    writer.writerows([number, name, length, ""] for number, (length, name) in enumerate(lengths))
    return buffer.getvalue()


def prepare(root: Path, place: Path) -> Prepared:
    """Write `char.dict` and `len_for_bucket/SUBSET.csv`; a table that lists the subset's files is not made
    again.

    Args:
        root: the folder with the subsets (`LibriSpeech`).
        place: where the files go.
    """
    found = {subset: audio_files(root / subset) for subset in SUBSETS}
    written = [put(place / "char.dict", letter_dictionary())]
    for subset, files in found.items():
        table = place / "len_for_bucket" / f"{subset}.csv"
        if listed_files(table) != {path.relative_to(root).as_posix() for path in files}:
            put(table, length_table(root, files))
        written.append(table)
    note = "score the test set with -t test-clean; s3prl's default split, test, does not exist in this task"
    return Prepared("asr", tuple(written), {"S3PRL_CONVEXPRUNE_DATA_LIBRISPEECH": str(root)}, (note,))


@dataclass(frozen=True)
class Reading:
    """One utterance to lay out: subset, numbers of speaker, chapter and utterance, transcript, and its samples."""

    subset: str
    speaker: int
    chapter: int
    number: int
    transcript: str
    samples: np.ndarray


def lay_out(root: Path, readings: Iterable[Reading]) -> Path:
    """Write a corpus as LibriSpeech lies on disk: audio, and each chapter's transcripts in the order given."""
    transcripts: dict[Path, list[str]] = {}
    for reading in readings:
        chapter = root / reading.subset / str(reading.speaker) / str(reading.chapter)
        name = f"{reading.speaker}-{reading.chapter}-{reading.number:04d}"
        write_audio(chapter / f"{name}.flac", reading.samples)
        transcripts.setdefault(transcript_file(chapter), []).append(f"{name} {reading.transcript}")
    for path, lines in transcripts.items():
        write_lines(path, lines)
    return root
