"""A manifest is read as written; a bad one names its line and its fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3prl_convexprune.corpora.manifest import Utterance, check_distinct, read_manifest, with_label
from s3prl_convexprune.errors import CorpusError


def manifest(folder, text):
    path = folder / "manifest.csv"
    path.write_text(text)
    return path


def test_columns_become_labels(tmp_path):
    path = manifest(tmp_path, "path,word,speaker,split,start,end\na.wav,yes,s1,train,0.5,1.25\nb.wav,no,s2,,,\n")
    first, second = read_manifest(path)
    assert first == Utterance(tmp_path / "a.wav", {"word": "yes", "speaker": "s1"}, 0.5, 1.25, "s1", "train")
    assert second == Utterance(tmp_path / "b.wav", {"word": "no", "speaker": "s2"}, None, None, "s2", None)


def test_relative_paths_start_at_the_root_and_absolute_ones_stay(tmp_path):
    path = manifest(tmp_path, "path,word\na.wav,yes\n/b.wav,no\n")
    assert [row.path for row in read_manifest(path, root=tmp_path / "audio")] == [
        tmp_path / "audio" / "a.wav",
        Path("/b.wav"),
    ]


def test_a_byte_order_mark_and_quotes_are_understood(tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes('﻿path,word\n"a,b.wav",yes\n'.encode())
    assert read_manifest(path)[0].path.name == "a,b.wav"


BAD = {
    "empty file": ("", "needs a header"),
    "header alone": ("path,word\n", "no rows"),
    "no path": ("file,word\na.wav,yes\n", "column 'path'"),
    "short row": ("path,word\na.wav\n", "line 2"),
    "long row": ("path,word\na.wav,yes,no\n", "line 2"),
    "start alone": ("path,word,start,end\na.wav,yes,1,\n", "both start and end"),
    "backwards": ("path,word,start,end\na.wav,yes,2,1\n", "0 <= start < end"),
    "time in words": ("path,word,start,end\na.wav,yes,one,2\n", "number of seconds"),
    "NaN time": ("path,word,start,end\na.wav,yes,nan,2\n", "0 <= start < end"),
    "a column twice": ("path,word,word\na.wav,yes,no\n", "'word' twice"),
    "a line break in a path": ('path,word\n"a\nb.wav",yes\n', "line break"),
    "a field of megabytes": (f"path,word\na.wav,{'y' * 200_000}\n", "is not CSV"),
    "no name": ("path,word\n,yes\n", "path is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_manifests(tmp_path, case):
    text, reason = BAD[case]
    path = manifest(tmp_path, text)
    with pytest.raises(CorpusError, match="m") as caught:
        read_manifest(path)
    assert str(path) in str(caught.value) and reason in str(caught.value)


def row(word, split=None):
    return Utterance(Path("a.wav"), {"word": word}, split=split)


def test_the_train_split_is_taken_when_there_is_one():
    rows = [row("yes", "train"), row("no", "train"), row("yes", "test")]
    assert with_label(rows, "word") == rows[:2]
    assert with_label(rows, "word", "all") == rows


@pytest.mark.parametrize(
    ("rows", "label", "split", "reason"),
    [
        ([row("yes"), row("no")], "wrod", None, "did you mean 'word'"),
        ([row("yes"), row("no")], "word", "test", "no utterance is in the split 'test'"),
        ([row("yes"), row("yes")], "word", None, "1 class"),
        ([row("yes", "train"), row("no", "test")], "word", None, "1 class"),
        ([row("yes", "TRAIN"), row("no", "TEST")], "word", None, "splits TEST, TRAIN: say which with --split, or all"),
        ([row("yes", "train-clean-100"), row("no", "test")], "word", None, "say which with --split"),
    ],
)
def test_what_cannot_be_measured(rows, label, split, reason):
    with pytest.raises(CorpusError) as caught:
        with_label(rows, label, split)
    assert reason in str(caught.value)


def test_an_utterance_stands_once():
    rows = [Utterance(Path("a.wav"), {"word": "yes"}, start, start + 1.0) for start in (0.0, 1.0)]
    check_distinct(rows, "word")
    for word, said in (("no", "twice, as 'yes' and 'no'"), ("yes", "twice as 'yes'")):
        with pytest.raises(CorpusError, match=f"a.wav from 1 to 2 s: stands {said}"):
            check_distinct([*rows, Utterance(Path("a.wav"), {"word": word}, 1.0, 2.0)], "word")
