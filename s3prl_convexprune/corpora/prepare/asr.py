"""ASR: `char.dict` and the table of lengths from which s3prl makes batches of similar length.

A table has the columns of s3prl's `preprocess/generate_len_for_bucket.py`: a row number without a name,
`file_path` from the corpus's folder on, `length` in samples, and an empty `label`; longest first. Files of
equal length are in the order of their names.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import soundfile

from ...errors import CorpusError
from ...progress import progress_bar
from . import Prepared
from .files import need, put

SUBSETS = ("train-clean-100", "dev-clean", "test-clean")
# the letters of LibriSpeech's training transcripts, most frequent first, `|` for the end of a word: the order
# of fairseq's and s3prl's letter dictionaries, hence the order of a model's outputs
LETTERS = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"


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
        need(chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt", "the transcripts of that chapter")
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
    if info.samplerate != 16_000:
        raise CorpusError(f"{path} is sampled at {info.samplerate} Hz; LibriSpeech is at 16000 Hz")
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
