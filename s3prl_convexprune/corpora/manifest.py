"""The common form of a labelled corpus: one row an utterance, or a segment of one.

A manifest is a CSV file with a header: `path` (or `file_name`), one column a label (`word`, `speaker`,
`emotion`, ...) and, when they are known, `start,end` (seconds inside the file), `speaker` and `split`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CorpusError, nearest

#: Columns that name the audio file: ours, and that of Hugging Face's audio folders.
FILES = ("path", "file_name")
RESERVED = (*FILES, "start", "end", "split")


@dataclass(frozen=True)
class Utterance:
    """One labelled utterance or segment.

    Args:
        path: the audio file.
        labels: label kind -> label, for example ``{"word": "yes", "speaker": "c50f55b8"}``.
        start: where a segment begins, in seconds; None for the whole file.
        end: where a segment ends, in seconds; None for the whole file.
        speaker: who speaks, when known.
        split: ``train``, ``dev`` or ``test``, when the corpus says so.
    """

    path: Path
    labels: dict[str, str] = field(default_factory=dict)
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    split: str | None = None


def read_manifest(path: str | Path, root: str | Path | None = None) -> list[Utterance]:
    """Read a manifest.

    Args:
        path: the CSV file.
        root: the folder that relative audio paths start at; the manifest's own folder when None.

    Raises:
        CorpusError: the file is missing or empty, has no `path` column, or a row whose times make no sense.
    """
    path = Path(path)
    folder = Path(root) if root is not None else path.parent
    try:
        if path.exists() and not path.is_file():
            raise CorpusError(f"{path}: the manifest is not a file")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: the manifest cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: the manifest is not UTF-8 text") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = list(reader.fieldnames or [])
        if not set(FILES) & set(columns):
            raise CorpusError(
                f"{path}: a manifest needs a header with the column 'path' or 'file_name'; it has {columns or None}"
            )
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise CorpusError(f"{path}: has the column {twice[0]!r} twice")
        rows = [_utterance(f"{path} line {reader.line_num}", row, folder) for row in reader]
    except csv.Error as error:
        raise CorpusError(f"{path} line {reader.line_num}: is not CSV: {error}") from error
    if not rows:
        raise CorpusError(f"{path}: the manifest has a header and no rows")
    return rows


def _utterance(where: str, row: dict[str | None, str | None], folder: Path) -> Utterance:
    if None in row or None in row.values():
        raise CorpusError(f"{where}: has more or fewer fields than the header")
    given = {str(key): str(value).strip() for key, value in row.items() if value and value.strip()}
    file = next((given[name] for name in FILES if name in given), None)
    if file is None:
        raise CorpusError(f"{where}: the path is empty")
    if not file.isprintable():
        raise CorpusError(f"{where}: the path {file[:80]!r} holds a line break or another control character")
    start, end = _seconds(where, given, "start"), _seconds(where, given, "end")
    if (start is None) != (end is None):
        raise CorpusError(f"{where}: a segment needs both start and end")
    if start is not None and end is not None and not 0 <= start < end:
        raise CorpusError(f"{where}: a segment must have 0 <= start < end, not {start} and {end}")
    return Utterance(
        path=folder / file,
        labels={key: value for key, value in given.items() if key not in RESERVED},
        start=start,
        end=end,
        speaker=given.get("speaker"),
        split=given.get("split"),
    )


def by_split(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """train, dev and test, those without utterances too; other splits are left out."""
    rows = list(utterances)
    return {split: [row for row in rows if row.split == split] for split in ("train", "dev", "test")}


def check_distinct(utterances: Iterable[Utterance], label: str) -> None:
    """Refuse a corpus that counts one utterance, or one segment, twice.

    Raises:
        CorpusError: it is listed twice, or under two classes; the message names it.
    """
    classes: dict[tuple[Path, float | None, float | None], str] = {}
    for row in utterances:
        place = (row.path, row.start, row.end)
        if place in classes:
            segment = f" from {row.start:g} to {row.end:g} s" if row.start is not None else ""
            before, now = classes[place], row.labels[label]
            under = f"twice, as {before!r} and {now!r}" if before != now else f"twice as {now!r}"
            raise CorpusError(f"{row.path}{segment}: stands {under}; an utterance belongs to one class, once")
        classes[place] = row.labels[label]


def _seconds(where: str, given: dict[str, str], key: str) -> float | None:
    if key not in given:
        return None
    try:
        return float(given[key])
    except ValueError as error:
        raise CorpusError(f"{where}: {key} must be a number of seconds, not {given[key]!r}") from error


def effective_split(utterances: Iterable[Utterance], split: str | None = None) -> str:
    """The split that is meant: the one asked for, else ``train`` when the corpus has it, else ``all``.

    Raises:
        CorpusError: none is asked for, and what seems to be for training has another name, such as train-clean-100.
    """
    if split:
        return split
    splits = {row.split for row in utterances if row.split}
    if "train" in splits:
        return "train"
    if any(name.lower().startswith("train") for name in splits):
        raise CorpusError(f"the corpus has the splits {', '.join(sorted(splits))}: say which with --split, or all")
    return "all"


def with_label(utterances: Iterable[Utterance], label: str, split: str | None = None) -> list[Utterance]:
    """The utterances that carry a label, of one split.

    Args:
        utterances: the corpus.
        label: the label kind.
        split: which split, as `effective_split` understands it; ``all`` takes everything.

    Raises:
        CorpusError: no utterance has that label or that split, or all of them share one class.
    """
    rows = list(utterances)
    known = {kind for row in rows for kind in row.labels}
    if label not in known:
        raise CorpusError(f"no utterance has a label {label!r}{nearest(label, known)}")
    splits = {row.split for row in rows if row.split}
    wanted = effective_split(rows, split)
    if wanted != "all" and wanted not in splits:
        raise CorpusError(f"no utterance is in the split {wanted!r}{nearest(wanted, [*splits, 'all'])}")
    chosen = [row for row in rows if row.labels.get(label) and wanted in ("all", row.split)]
    classes = {row.labels[label] for row in chosen}
    if len(classes) < 2:
        raise CorpusError(
            f"label {label!r} has {len(classes)} class(es) in split {wanted!r}; convexity compares at least 2"
        )
    return chosen
