"""Alignment files: both forms of TextGrid, CTM, and what is said about damaged ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.corpora.alignments import Segment, normalize, read_ctm, read_textgrid
from s3prl_convexprune.errors import CorpusError

SHORT_FORM = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
2
"IntervalTier"
"words"
0
1.5
3
0
0.25
""
0.25
1.0
"THE"
1.0
1.5
"cat"
"IntervalTier"
"phones"
0
1.5
3
0
0.25
"sil"
0.25
0.5
"DH"
0.5
1.5
"AH0"
"""

MULTI_SPEAKER = SHORT_FORM.replace('"words"', '"1034 - words"').replace('"phones"', '"1034 - phones"')


@pytest.mark.parametrize("text", [SHORT_FORM, MULTI_SPEAKER], ids=["short form", "tiers of a speaker"])
@pytest.mark.parametrize(
    ("kind", "segments"),
    [
        ("word", [Segment(0.25, 1.0, "the"), Segment(1.0, 1.5, "cat")]),
        ("phoneme", [Segment(0.25, 0.5, "DH"), Segment(0.5, 1.5, "AH")]),
    ],
)
def test_textgrid(tmp_path, text, kind, segments):
    path = tmp_path / "a.TextGrid"
    path.write_text(text)
    assert read_textgrid(path, kind) == segments


@pytest.mark.parametrize("text", ["", "not a grid\n", SHORT_FORM[:120]], ids=["empty", "text", "cut off"])
def test_damaged_textgrid_is_named(tmp_path, text):
    path = tmp_path / "broken.TextGrid"
    path.write_text(text)
    with pytest.raises(CorpusError, match=r"broken\.TextGrid"):
        read_textgrid(path, "word")


def test_textgrid_without_the_tier_says_which_it_has(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(SHORT_FORM.replace('"words"', '"orthography"'))
    with pytest.raises(CorpusError, match="orthography, phones"):
        read_textgrid(path, "word")


TIMES = st.integers(min_value=0, max_value=10**6).map(lambda tick: tick / 100)
ROWS = st.tuples(st.sampled_from(["19-198-0000", "19-198-0001"]), TIMES, TIMES, st.sampled_from(["cat", "dog", "sil"]))


@given(st.lists(ROWS))
def test_ctm_keeps_every_spoken_row_and_its_times(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("ctm") / "words.ctm"
    path.write_text("".join(f"{name} 1 {start:.2f} {length:.2f} {word} 0.9\n" for name, start, length, word in rows))
    found = read_ctm(path, "word")
    flat = [(name, segment.label) for name in found for segment in found[name]]
    spoken = [row for row in rows if row[3] != "sil" and row[2] > 0]
    assert sorted(flat) == sorted((row[0], row[3]) for row in spoken)
    for name, segments in found.items():
        wanted = [(start, start + length) for utterance, start, length, _ in spoken if utterance == name]
        assert [(segment.start, segment.end) for segment in segments] == [pytest.approx(pair) for pair in wanted]


@pytest.mark.parametrize(
    "line",
    ["u 1 0.0 0.5", "u 1 zero 0.5 cat", "cat", "u 1 -0.5 1 cat", "u 1 nan 1 cat", "u 1 inf 1 cat", "u 1 0 nan cat"],
)
def test_damaged_ctm_names_the_line(tmp_path, line):
    path = tmp_path / "words.ctm"
    path.write_text(f";; comment\n19-198-0000 1 0.0 0.5 cat\n{line}\n")
    with pytest.raises(CorpusError, match=r"words\.ctm line 3"):
        read_ctm(path, "word")


def test_a_table_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "words.ctm").write_bytes(b"u 1 0.0 0.5 caf\xe9\n")
    with pytest.raises(CorpusError, match=r"words\.ctm: is not UTF-8 text"):
        read_ctm(tmp_path / "words.ctm", "word")


@pytest.mark.parametrize("silence", ["", " ", "sil", "SIL", "sp", "spn", "SPN", "<eps>", "<unk>", "sil_S"])
def test_silences_are_no_class(silence):
    assert normalize(silence, "phoneme") is None


@pytest.mark.parametrize("phone", ["AA", "NG", "ɑː", "tʃ", "i", "T1x"])
def test_a_bare_phone_is_its_own_class(phone):
    assert normalize(phone, "phoneme") == phone
