"""Hugging Face datasets on this disk: a folder of `save_to_disk`, or parquet files with audio as bytes or paths.

Nothing is downloaded and no dataset's code runs: only tables are read. Columns of text, of `ClassLabel` and of whole
numbers are labels; ``speaker_id`` and ``client_id`` are the ``speaker`` where there is no such column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from .extracted import keep
from .manifest import Utterance

SPEAKERS = ("speaker", "speaker_id", "client_id")
SPLITS = {"validation": "dev", "valid": "dev"}
SAVED = ("state.json", "dataset_dict.json")

Table = tuple[str | None, Mapping[str, Any], Iterator[dict[str, Any]]]


def is_huggingface(path: Path) -> bool:
    """Whether a path is a parquet file, or a folder of such or of `save_to_disk`."""
    return path.suffix == ".parquet" or any((path / name).is_file() for name in SAVED) or bool(_parquets(path))


def read(path: Path, root: Path | None = None) -> list[Utterance]:
    """Read a dataset.

    Args:
        path: a folder of `save_to_disk`, a parquet file, or a folder of parquet files (in `data/` too).
        root: what relative paths of audio start at; the dataset's folder when None.

    Returns:
        One utterance a row. The split is the dataset's, or the parquet file's name up to its first ``-``;
        ``validation`` is ``dev``.

    Raises:
        CorpusError: `datasets` is not installed, the files cannot be read, there is no column of audio, or a row
            without audio.
    """
    folder = root or (path if path.is_dir() else path.parent)
    rows: list[Utterance] = []
    try:
        for split, features, table in _tables(path):
            rows += _utterances(path, split, features, table, folder)
    except ImportError as error:
        raise CorpusError(f'{path}: reading it needs datasets: pip install "s3prl-convexprune[huggingface]"') from error
    except (OSError, ValueError) as error:  # pyarrow's errors are of these
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorpusError(f"{path}: cannot be read as a Hugging Face dataset: {reason}") from error
    if not rows:
        raise CorpusError(f"{path}: the dataset has no rows")
    return rows


def _parquets(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])


def _tables(path: Path) -> Iterator[Table]:
    """Split, features and rows, audio not decoded, of every table."""
    from datasets import Audio, DatasetDict, Features, load_from_disk
    from pyarrow.parquet import ParquetFile

    if any((path / name).is_file() for name in SAVED):
        saved = load_from_disk(str(path.resolve()))
        parts = dict(saved) if isinstance(saved, DatasetDict) else {None: saved}
        for split, part in parts.items():
            part = part.with_format(None)  # one may be saved with it
            for column in _audio_columns(part.features):
                part = part.cast_column(column, Audio(decode=False))
            yield None if split is None else str(split), part.features, iter(part)
        return
    for file in _parquets(path) if path.is_dir() else [path]:
        with ParquetFile(file) as table:
            features = Features.from_arrow_schema(table.schema_arrow)
            rows = (row for batch in table.iter_batches(batch_size=64) for row in batch.to_pylist())
            yield file.stem.partition("-")[0] if path.is_dir() else None, features, rows


def _audio_columns(features: Mapping[str, Any]) -> list[str]:
    """Columns of audio; in a table without Hugging Face's metadata, structures of bytes and path."""
    return [
        name
        for name, kind in features.items()
        if type(kind).__name__ == "Audio" or (isinstance(kind, dict) and set(kind) == {"bytes", "path"})
    ]


def _utterances(
    path: Path, split: str | None, features: Mapping[str, Any], table: Iterator[dict[str, Any]], folder: Path
) -> Iterator[Utterance]:
    columns = _audio_columns(features)
    if len(columns) != 1:
        raise CorpusError(f"{path}: expected one column of audio, found {columns or 'none'} in {', '.join(features)}")
    names = {name: kind.names for name, kind in features.items() if hasattr(kind, "names")}
    plain = [
        name
        for name, kind in features.items()
        if str(getattr(kind, "dtype", "")).startswith(("string", "large_string", "int", "uint"))
    ]
    for number, row in enumerate(table):
        audio = row[columns[0]] or {}
        content, given = audio.get("bytes"), audio.get("path")
        if not content and not given:
            raise CorpusError(f"{path}: row {number}{f' of {split}' if split else ''} has no audio")
        for name, known in names.items():
            if row[name] is not None and row[name] >= len(known):
                raise CorpusError(f"{path}: row {number}: {name} is {row[name]}, of {len(known)} classes")
        file = keep(content, Path(given or "").suffix or ".wav") if content else folder / str(given)
        labels = {
            name: names[name][row[name]] if name in names and row[name] >= 0 else str(row[name])
            for name in plain
            if row[name] not in (None, "") and not (name in names and row[name] < 0)
        }
        speaker = next((labels[name] for name in SPEAKERS if name in labels), None)
        if speaker is not None:
            labels.setdefault("speaker", speaker)
        yield Utterance(file, labels, speaker=speaker, split=SPLITS.get(split or "", split))
