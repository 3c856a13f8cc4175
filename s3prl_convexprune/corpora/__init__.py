"""Labelled corpora that `analyze --corpus NAME` knows: one reader a corpus, all of them into one list of
utterances.

A corpus is a row of `CORPORA` and the module of its name, with all that is known of it: `read(root, label, **options)
-> list[Utterance]`; its splits, as recipes take them; `prepare(root, place, **options) -> Prepared`, where an s3prl
recipe needs more than the corpus brings; and `lay_out`, which writes given audio as the corpus lies on disk. Anything
else comes in by a manifest (`manifest.read_manifest`).
"""

from __future__ import annotations

import importlib
import logging
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import CorpusError, nearest
from . import huggingface, kaldi, lhotse, manifest
from .manifest import Utterance, read_manifest

log = logging.getLogger(__name__)

ENDINGS = (".csv", ".parquet", *lhotse.ENDINGS)


@dataclass(frozen=True)
class Corpus:
    """A row of `CORPORA`.

    Args:
        name: of its module, and what `--corpus` takes.
        labels: the label kinds that the reader offers.
        title: one line for people.
        task: whose recipe trains and scores on it, and which `prepare` takes; empty: none.
        shipped: the corpus is part of this package, so it needs no root.
    """

    name: str
    labels: tuple[str, ...]
    title: str
    task: str = ""
    shipped: bool = False

    @property
    def module(self) -> ModuleType:
        """All that is known of the corpus; imported here, since `list` and `--help` need none of it."""
        return importlib.import_module(f".{self.name}", __name__)

    @property
    def environment(self) -> str:
        """The variable that names the corpus root when none is given."""
        return f"S3PRL_CONVEXPRUNE_DATA_{self.name.upper()}"


CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "speech_commands", ("word", "keyword", "speaker"), "Speech Commands v0.01 or v0.02, the full archive", "ks"
        ),
        Corpus("voxceleb1", ("speaker",), "VoxCeleb1, wav files, split by its own iden_split.txt", "sid"),
        Corpus("iemocap", ("emotion", "speaker", "session"), "IEMOCAP, 4 emotions, excited counted as happy", "er"),
        Corpus("librispeech", ("speaker", "word", "phoneme"), "LibriSpeech; words and phonemes from alignments", "asr"),
        Corpus(
            "demo",
            ("word", "speaker", "style", "emotion"),
            "the embedded synthetic corpus; `emotion` is its prosody style by another name",
            shipped=True,
        ),
    )
}


def corpus_root(corpus: Corpus, root: str | Path | None = None) -> Path:
    """The folder of a corpus: the one given, or the one its environment variable names.

    Raises:
        CorpusError: neither is given, or it is not a folder.
    """
    given = root if root is not None else os.environ.get(corpus.environment)
    if not given:
        raise CorpusError(f"corpus {corpus.name!r} needs its folder: give --root DIR or set {corpus.environment}=DIR")
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise CorpusError(f"corpus {corpus.name!r}: {folder} is not a folder")
    return folder


def open_corpus(
    corpus: str, label: str, root: str | Path | None = None, *, allow_pipes: bool = False
) -> list[Utterance]:
    """The utterances behind what `--corpus` takes: a corpus as people keep it, or a name in `corpora.CORPORA`.

    Args:
        corpus: a corpus name; a `.csv`; a Kaldi data folder; a lhotse manifest or a folder of them; or a Hugging Face
            dataset on this disk.
        label: the label kind that will be measured.
        root: the corpus's folder, or what relative paths in the manifest start at.
        allow_pipes: run the shell commands that a Kaldi or lhotse manifest has in place of audio files.

    Raises:
        CorpusError: there is no such corpus, or it is incomplete.
    """
    if corpus.lower().endswith(".csv"):
        return read_manifest(corpus, root)
    place, below = Path(corpus).expanduser(), None if root is None else Path(root)
    if corpus in CORPORA or not place.exists():
        return read_corpus(corpus, label, root)
    kind = kind_of(corpus)
    return kind.read(place, below) if kind is huggingface else kind.read(place, below, allow_pipes=allow_pipes)


def is_path(corpus: str) -> bool:
    """Whether `--corpus` is given a place on a disk, this machine's or another's, and not a corpus's name."""
    if corpus in CORPORA:
        return False
    return "/" in corpus or corpus.lower().endswith(ENDINGS) or Path(corpus).expanduser().exists()


def kind_of(corpus: str) -> ModuleType:
    """The module that reads the corpus at a path, without reading it.

    Raises:
        CorpusError: there is nothing, or nothing that is known.
    """
    place = Path(corpus).expanduser()
    if corpus.lower().endswith(".csv"):
        if not place.is_file():
            raise CorpusError(f"{corpus}: there is no such manifest")
        return manifest
    if not place.exists():
        raise CorpusError(f"{corpus}: there is no such corpus")
    if kaldi.is_kaldi(place):
        return kaldi
    if lhotse.is_lhotse(place):
        return lhotse
    if huggingface.is_huggingface(place):
        return huggingface
    raise CorpusError(
        f"{corpus}: is no corpus that is known: expected a .csv, a Kaldi folder (wav.scp), lhotse's .jsonl[.gz], or a "
        "Hugging Face dataset (save_to_disk, .parquet)"
    )


def read_corpus(name: str, label: str, root: str | Path | None = None, **options: Any) -> list[Utterance]:
    """Read a corpus by name.

    Args:
        name: a key of `CORPORA`.
        label: the label kind that will be analysed; one of the corpus's `labels`.
        root: the corpus's folder; None takes `S3PRL_CONVEXPRUNE_DATA_<NAME>`.
        options: passed on to the reader (librispeech takes `alignments` and `subsets`).

    Returns:
        Utterances or segments, sorted by path and start. Rows without that label may be among them; a row
        that is alone with its class in its split is left out, since convexity is about pairs, and a warning
        says how many were.

    Raises:
        CorpusError: unknown corpus or label, no root, or a root without the corpus's layout.
    """
    if name not in CORPORA:
        raise CorpusError(f"no corpus {name!r}{nearest(name, CORPORA)}; any other corpus comes in as a manifest.csv")
    corpus = CORPORA[name]
    if label not in corpus.labels:
        raise CorpusError(f"corpus {name!r} has no label {label!r}{nearest(label, corpus.labels)}")
    folder = None if corpus.shipped else corpus_root(corpus, root)
    rows: list[Utterance] = corpus.module.read(folder, label, **options)
    rows = without_lone_rows(name, rows, label)
    return sorted(rows, key=lambda row: (str(row.path), row.start or 0.0))


def without_lone_rows(name: str, rows: list[Utterance], label: str) -> list[Utterance]:
    """The rows whose class has another row in the same split, and those without the label."""
    sizes = Counter((row.split, row.labels[label]) for row in rows if label in row.labels)
    lone = {key for key, size in sizes.items() if size == 1}
    if lone:
        log.warning("%s: %d of %d classes of %r left out, with a single row each", name, len(lone), len(sizes), label)
    return [row for row in rows if (row.split, row.labels.get(label)) not in lone]
