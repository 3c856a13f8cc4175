"""A corpus as SpeechBrain reads it: one CSV a split, written whole, checked before any training."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile

from ..atomic import write_json, write_text
from ..corpora.audio import SHORTEST
from ..corpora.manifest import Utterance
from ..errors import AudioError, CorpusError
from ..fingerprint import settings_sha256
from ..progress import progress_bar
from ..sampling import SAMPLE_RATE

SPLITS = ("train", "valid", "test")
COLUMNS = ("ID", "duration", "wav", "start", "stop", "rate", "speaker")
MANIFEST = "manifests.json"


def prepare(
    save_folder: str | Path,
    data_folder: str | Path,
    splits: Mapping[str, Sequence[Utterance]],
    label: str,
    settings: Mapping[str, Any],
    units: Callable[[str], Iterable[str]] = lambda label: [label],
) -> dict[str, Any]:
    """Write `train.csv`, `valid.csv`, `test.csv`, and `manifests.json` that says what they are.

    Args:
        save_folder: where they go.
        data_folder: the corpus; audio paths are written relative to it (`$data_root/...`).
        splits: utterances of train, valid and test, with `labels[label]`.
        label: the label that the recipe learns, also the name of its column.
        settings: what chose the utterances; with other settings in the folder nothing is reused.
        units: what a label is made of, for the check that train has all of it; `list` takes characters.

    Returns:
        The content of `manifests.json`: settings, counts, hours and the fingerprint of the three files.

    Raises:
        CorpusError: a split is empty or has an utterance twice, or a label in valid or test is not in train.
        AudioError: a file cannot be read, or is empty or too short for an upstream.
    """
    folder, root = Path(save_folder), Path(data_folder)
    check_labels(splits, label, units)
    rows = {
        split: [_row(utterance, label, root) for utterance in progress_bar(splits[split], desc=split)]
        for split in SPLITS
    }
    for split in SPLITS:
        _refuse_twice(split, rows[split])
    contents = {split: _csv(rows[split], label) for split in SPLITS}
    for split, content in contents.items():
        write_text(folder / f"{split}.csv", content)
    about = {
        "settings": dict(settings),
        "utterances": {split: len(rows[split]) for split in SPLITS},
        "hours": {split: sum(float(row["duration"]) for row in rows[split]) / 3600 for split in SPLITS},
        "fingerprint": settings_sha256(contents),
    }
    write_json(folder / MANIFEST, about)
    return about


def prepare_once(
    save_folder: str | Path,
    data_folder: str | Path,
    splits: Callable[[Path], Mapping[str, Sequence[Utterance]]],
    label: str,
    settings: Mapping[str, Any],
    units: Callable[[str], Iterable[str]] = lambda label: [label],
    skip_prep: bool = False,
) -> None:
    """`prepare` unless these settings' manifests are there already, or the user took them as they are.

    Args:
        splits: the corpus's folder -> its train, dev and test; dev becomes valid.
        skip_prep: take what lies in `save_folder`.

    Raises:
        CorpusError: there is no such folder, and as `prepare` and `splits`.
    """
    if skip_prep or prepared(save_folder, settings):
        return
    root = Path(data_folder)
    if not root.is_dir():
        raise CorpusError(f"data_folder {root} is not a folder")
    found = splits(root)
    named = {"train": found["train"], "valid": found["dev"], "test": found["test"]}
    prepare(save_folder, data_folder, named, label, settings, units)


def prepared(save_folder: str | Path, settings: Mapping[str, Any]) -> bool:
    """Whether the folder already holds the manifests that these settings give.

    >>> prepared("no/such/folder", {})
    False
    """
    path = Path(save_folder) / MANIFEST
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["settings"] == dict(settings)


def fingerprint(save_folder: str | Path) -> str:
    """The fingerprint of the manifests in a folder: file names, segments and labels, not the audio itself."""
    about: dict[str, str] = json.loads((Path(save_folder) / MANIFEST).read_text(encoding="utf-8"))
    return about["fingerprint"]


def check_labels(splits: Mapping[str, Sequence[Utterance]], label: str, units: Callable[[str], Iterable[str]]) -> None:
    """Refuse splits that nothing can be trained and tested on; arguments as `prepare`.

    Raises:
        CorpusError: an empty split, one class in train, or something to predict in valid or test that train never has.
    """
    for split in SPLITS:
        if not splits.get(split):
            raise CorpusError(f"the corpus has no utterances for the split {split!r}")
    found = {
        split: {unit for utterance in splits[split] for unit in units(utterance.labels[label])} for split in SPLITS
    }
    if len(found["train"]) < 2:
        raise CorpusError(f"train has one {label}, {min(found['train'])!r}; a recipe needs at least two")
    for split in SPLITS[1:]:
        refuse_unseen(found["train"], found[split], label, split)


def refuse_unseen(known: set[str], found: set[str], kind: str, split: str) -> None:
    """Raise when a split has something to predict that train never showed.

    >>> refuse_unseen({"yes", "no"}, {"yes", "bed"}, "word", "test")
    Traceback (most recent call last):
    ...
    s3prl_convexprune.errors.CorpusError: test has a word that train never has: 'bed'
    """
    unseen = sorted(found - known)
    if unseen:
        shown = ", ".join(map(repr, unseen[:5])) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
        raise CorpusError(f"{split} has a {kind} that train never has: {shown}")


def _row(utterance: Utterance, label: str, root: Path) -> dict[str, str]:
    path = utterance.path
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if path.is_file() else "there is no such file"
        raise AudioError(f"{path}: cannot be read as audio: {reason}") from error
    start = 0 if utterance.start is None else round(utterance.start * info.samplerate)
    stop = info.frames if utterance.end is None else min(info.frames, round(utterance.end * info.samplerate))
    seconds = (stop - start) / info.samplerate
    if seconds * SAMPLE_RATE < SHORTEST:
        raise AudioError(f"{path}: has {1000 * max(seconds, 0):.0f} ms of audio; an upstream needs at least 25 ms")
    name = path.relative_to(root).with_suffix("").as_posix() if path.is_relative_to(root) else path.as_posix()
    return {
        "ID": name if utterance.start is None else f"{name}@{repr(float(utterance.start)).removesuffix('.0')}",
        "duration": repr(seconds),
        "wav": f"$data_root/{path.relative_to(root).as_posix()}" if path.is_relative_to(root) else str(path),
        "start": str(start),
        "stop": str(stop),
        "rate": str(info.samplerate),
        "speaker": utterance.speaker or "",
        label: utterance.labels[label],
    }


def _refuse_twice(split: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Refuse a name that two rows have: a recipe knows an utterance by its name."""
    named: dict[str, str] = {}
    for row in rows:
        if (first := named.get(row["ID"])) is not None:
            raise CorpusError(f"{split} has two utterances named {row['ID']!r}, of {first} and {row['wav']}")
        named[row["ID"]] = row["wav"]


def _csv(rows: Iterable[Mapping[str, str]], label: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys([*COLUMNS, label]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
