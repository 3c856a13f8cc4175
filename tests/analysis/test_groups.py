"""`analyze --group`: which utterances belong together, and speakers who are left out for real."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.analysis.grouping import grouped
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError, DataError
from tests.checkpoints import CASES

CASE = CASES["hubert-post"]
SPEAKERS = 5


def rows(label="word", speakers=6, classes=3, a_class=2, **more):
    found = []
    for s in range(speakers):
        for c in range(classes):
            for take in range(a_class):
                labels = {"word": f"w{c}", "speaker": f"s{s}"}
                labels |= {key: value(s, c, take) for key, value in more.items()}
                found.append(Utterance(Path(f"{s}{c}{take}.wav"), labels, speaker=f"s{s}"))
    return found


def test_speakers_unless_they_are_the_label():
    assert grouped(rows(), "word", None, None, 0)[1].kind == "speaker"
    assert grouped(rows(), "speaker", None, None, 0)[1].kind == "none"
    sessions = rows(session=lambda s, c, take: f"{s}-{take}")
    facts = grouped(sessions, "speaker", None, None, 0)[1]
    assert (facts.kind, facts.groups, facts.degrees) == ("session", 12, 6)


def test_segments_of_one_file_belong_together():
    segments = [Utterance(Path(f"{s}{f}.wav"), {"speaker": f"s{s}"}, float(t), t + 1.0, f"s{s}")
                for s in range(3) for f in range(3) for t in range(4)]  # fmt: skip
    assert grouped(segments, "speaker", None, None, 0)[1].kind == "file"


def test_what_cannot_be_left_out_is_passed_over_and_named():
    one = [Utterance(row.path, row.labels, speaker="s0") for row in rows()]
    groups, facts = grouped(one, "word", None, None, 0)
    assert groups is None and "every point is of the group 's0'" in facts.note
    owned = [Utterance(row.path, row.labels, speaker=row.labels["word"]) for row in rows()]
    assert "the groups are the labels themselves" in grouped(owned, "word", None, None, 0)[1].note


def test_what_is_asked_for_is_refused_with_a_reason():
    with pytest.raises(CorpusError, match=r"--group sesion: not every utterance has one.*session"):
        grouped(rows(session=lambda s, c, take: str(s)), "word", "sesion", None, 0)
    with pytest.raises(DataError, match="--group speaker: the groups are the labels"):
        grouped(rows(), "speaker", "speaker", None, 0)
    with pytest.raises(DataError, match="--group speaker: 6 groups make 2 to 6 blocks, not 9"):
        grouped(rows(), "word", "speaker", 9, 0)


def test_too_few_speakers_are_named():
    facts = grouped(rows(speakers=3), "word", None, None, 0)[1]
    assert facts.note == "3 speakers are too few for a standard error; at least 5 are needed"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two words of five speakers, three takes each: tones in noise, a pitch of their own for each speaker."""
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    found = []
    for s in range(SPEAKERS):
        for word in ("a", "b"):
            for take in range(3):
                t = np.arange(4000) / 16_000
                wav = 0.2 * np.sin(2 * np.pi * (150 * (1 + (word == "b")) + 20 * s) * t) + 0.1 * rng.standard_normal(
                    4000
                )
                soundfile.write(folder / f"{s}{word}{take}.wav", wav, 16_000)
                found.append(Utterance(folder / f"{s}{word}{take}.wav", {"word": word}, speaker=f"s{s}"))
    return found


def test_the_artifacts_errors_are_those_of_leaving_speakers_out_for_real(corpus, tmp_path):
    ckpt = str(CASE.build(tmp_path))
    made = analyze(CASE.entry, corpus, "word", ckpt=ckpt, neighbors=3, progress=False)
    assert (made.grouping.kind, made.grouping.blocks, made.grouping.degrees) == ("speaker", SPEAKERS, SPEAKERS - 1)
    scores = []
    for s in range(SPEAKERS):
        rest = [row for row in corpus if row.speaker != f"s{s}"]
        alone = analyze(CASE.entry, rest, "word", ckpt=ckpt, neighbors=3, progress=False)
        scores.append([row.convexity for row in alone.layers])
        assert alone.layers[0].sem is None and "4 speakers are too few" in alone.grouping.note
    spread = np.asarray(scores) - np.mean(scores, axis=0)
    expected = np.sqrt((SPEAKERS - 1) / SPEAKERS * (spread**2).sum(axis=0))
    assert [row.sem for row in made.layers] == pytest.approx(expected, abs=1e-4)
    plain = analyze(CASE.entry, corpus, "word", ckpt=ckpt, neighbors=3, group="none", progress=False)
    assert [row.sem for row in plain.layers] == [row.plain_sem for row in made.layers]
    assert plain.grouping.kind == "none" and not math.isnan(plain.choose("argmax").probability_best)


@pytest.mark.parametrize("option", [("--group-blocks", "4"), ("--group-blocks", "x")])
def test_bad_numbers_of_blocks(option, capsys):
    assert main(["analyze", "-u", "hubert", "--corpus", "demo", "--label", "word", "-o", "x.json", *option]) == 2
    assert "a whole number from 5 to 1000" in capsys.readouterr().err
