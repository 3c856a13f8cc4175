"""Kaldi folders become utterances; a shell command runs only when that was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3prl_convexprune.corpora import open_corpus
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError
from tests.corpora.kept import SPEAKERS, WORDS, content

pytestmark = pytest.mark.usefixtures("cache")


def kaldi(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in tables.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(text)
    return folder


def numbered(values) -> str:
    return "".join(f"u{number} {value}\n" for number, value in enumerate(values))


def test_a_kaldi_folder(audio, tmp_path):
    folder = kaldi(
        tmp_path / "data",
        wav_scp=numbered(audio),
        utt2spk=numbered(SPEAKERS),
        text=numbered(WORDS),
        utt2session=numbered((1, 2, 1, 2)),
        spk2gender="anna f\nbert m\n",
        utt2dur=numbered([1.0] * 4),
    )
    assert open_corpus(str(folder), "speaker")[1] == Utterance(
        audio[1], {"text": "no", "session": "2", "speaker": "anna", "gender": "f"}, speaker="anna"
    )
    rows = open_corpus(str(folder), "text")
    assert [(row.path, row.labels["text"], row.speaker) for row in rows] == list(
        zip(audio, WORDS, SPEAKERS, strict=True)
    )


def test_kaldi_segments_and_relative_paths(audio, tmp_path):
    folder = kaldi(
        tmp_path / "data", wav_scp="rec u0.wav\n", segments="a rec 0.0 0.4\nb rec 0.4 1.0\n", utt2spk="a anna\nb bert\n"
    )
    rows = open_corpus(str(folder), "speaker", audio[0].parent)
    assert rows == [
        Utterance(audio[0], {"speaker": "anna"}, 0.0, 0.4, "anna"),
        Utterance(audio[0], {"speaker": "bert"}, 0.4, 1.0, "bert"),
    ]


def test_a_line_ends_where_kaldi_ends_it(audio, tmp_path):
    """Not at what else Unicode calls a line's end; and what is between key and value may be a tab or spaces."""
    text = "u0 a\u2028b\x0bc\r\nu1\tone\ttab\nu2  two  spaces\nu3 a\tb\n"
    rows = open_corpus(str(kaldi(tmp_path / "data", wav_scp=numbered(audio), text=text)), "text")
    assert [row.labels["text"] for row in rows] == ["a\u2028b\x0bc", "one\ttab", "two  spaces", "a\tb"]


def test_a_pipe_runs_only_when_that_was_said(audio, tmp_path):
    mark = tmp_path / "ran"
    folder = kaldi(tmp_path / "data", wav_scp=f"u0 touch {mark} && cat {audio[0]} |\nu1 cat {audio[1]} |\n")
    with pytest.raises(CorpusError, match=r"wav.scp: u0: .*shell command.*--allow-pipes"):
        open_corpus(str(folder), "text")
    assert not mark.exists()
    rows = open_corpus(str(folder), "text", allow_pipes=True)
    assert mark.exists() and content(rows) == [path.read_bytes() for path in audio[:2]]
    assert open_corpus(str(folder), "text", allow_pipes=True) == rows
    (folder / "wav.scp").write_text("u0 echo gone wrong >&2; exit 3 |\n")
    with pytest.raises(CorpusError, match="u0: the command .* status 3: gone wrong"):
        open_corpus(str(folder), "text", allow_pipes=True)


BAD_KALDI = {
    "a segment of no recording": ({"segments": "a rec9 0 1\n"}, "a: its recording 'rec9'"),
    "a segment backwards": ({"segments": "a u0 1 0.5\n"}, "a: a segment must have"),
    "a segment of NaN": ({"segments": "a u0 nan 1\n"}, "a: a segment must have"),
    "a segment without times": ({"segments": "a u0\n"}, "a: expected RECORDING START END"),
    "an utterance without speaker": ({"utt2spk": "u1 anna\n"}, "utt2spk: has no line for the utterance 'u0'"),
    "an utterance twice": ({"utt2spk": "u0 anna\nu0 bert\n"}, "utt2spk line 2: has 'u0' twice"),
    "an empty table": ({"text": ""}, "text: is empty"),
    "no file": ({"wav_scp": "u0\n"}, "u0: has no file"),
}


@pytest.mark.parametrize("case", BAD_KALDI)
def test_a_bad_kaldi_folder(case, audio, tmp_path):
    tables, said = BAD_KALDI[case]
    folder = kaldi(tmp_path / "data", **{"wav_scp": f"u0 {audio[0]}\n", **tables})
    with pytest.raises(CorpusError, match=said):
        open_corpus(str(folder), "speaker")
