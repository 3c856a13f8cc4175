"""LibriSpeech's speakers, and its words and phonemes from forced alignments of every form."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from s3prl_convexprune.corpora import librispeech as librispeech_reader
from s3prl_convexprune.corpora import read_corpus
from s3prl_convexprune.errors import CorpusError

from . import forced_alignments
from .test_readers import count


def test_librispeech_speakers(librispeech):
    rows = read_corpus("librispeech", "speaker", librispeech)
    assert count(rows, "speaker") == {str(number): 3 for number in range(19, 25)}
    assert {(row.split, row.path.parts[-4]) for row in rows} == {
        ("train", "train-clean-100"),
        ("dev", "dev-clean"),
        ("test", "test-clean"),
    }


def expected_segments(root: Path, tier: str):
    for path, sentence, seconds in forced_alignments.utterances_of(root):
        for start, end, label in forced_alignments.spoken_segments(sentence, seconds)[tier]:
            if label not in ("", "sil"):
                yield str(path), start, end, label.rstrip("1")


@pytest.mark.parametrize(("label", "tier"), [("word", "words"), ("phoneme", "phones")])
@pytest.mark.parametrize("form", ["TextGrid folder", "TextGrids in the corpus", "CTM file", "CTM folder"])
def test_librispeech_segments_from_alignments(librispeech, tmp_path, label, tier, form):
    root, options = librispeech, {}
    if form == "TextGrids in the corpus":
        root = shutil.copytree(librispeech, tmp_path / "LibriSpeech")
        forced_alignments.textgrids(root, root)
    elif form == "TextGrid folder":
        options["alignments"] = forced_alignments.textgrids(root, tmp_path / "grids")
    else:
        table = forced_alignments.ctm(root, tmp_path / f"{tier}.ctm", tier)
        options["alignments"] = table if form == "CTM file" else tmp_path
    rows = librispeech_reader.read(root, label, **options)
    rows = sorted(rows, key=lambda row: (str(row.path), row.start))
    found = [(str(row.path), row.start, row.end, row.labels[label]) for row in rows]
    wanted = sorted(expected_segments(root, tier))
    assert [(path, name) for path, _, _, name in found] == [(path, name) for path, _, _, name in wanted]
    assert [row[1:3] for row in found] == [pytest.approx(row[1:3], abs=2e-4) for row in wanted]
    assert all(row.labels["speaker"] == row.speaker == row.path.parts[-3] for row in rows)


def test_librispeech_partly_aligned_says_how_much_is_missing(librispeech, tmp_path, caplog):
    grids = sorted(forced_alignments.textgrids(librispeech, tmp_path / "grids").rglob("*.TextGrid"))
    for path in grids[1:]:
        path.unlink()
    rows = librispeech_reader.read(librispeech, "word", alignments=tmp_path / "grids")
    assert {row.path.stem for row in rows} == {grids[0].stem}
    assert "17 of 18 utterances have no alignment" in caplog.text


def test_librispeech_without_alignments(librispeech):
    with pytest.raises(CorpusError, match=r"\*\.TextGrid"):
        read_corpus("librispeech", "phoneme", librispeech)
