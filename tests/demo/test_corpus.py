"""The shipped corpus is what its README says: labels, splits, audio."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.corpora.speech_commands import KEYWORDS
from s3prl_convexprune.demo.corpus import demo_clips, demo_manifest_path
from s3prl_convexprune.sampling import SAMPLE_RATE
from tools.demo_corpus.texts import STYLES, WORDS

CLIPS = demo_clips()
SPEAKERS = {clip["speaker"] for clip in CLIPS if clip["speaker"]}
ROOT = demo_manifest_path().parent


def of_kind(kind: str) -> list[dict[str, str]]:
    return [clip for clip in CLIPS if clip["kind"] == kind]


def test_every_clip_is_there_once_and_nothing_else() -> None:
    listed = [clip["path"] for clip in CLIPS]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.opus")}


def test_size_fits_a_repository() -> None:
    assert sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file()) < 5e6


@pytest.mark.parametrize(
    ("kind", "held_out", "split"),
    [
        ("word", "speaker", "split"),
        ("sentence", "speaker", "split"),
        ("sentence", "transcript", "split"),
        ("word", "word", "speaker_split"),
        ("phrase", "speaker", "session"),
    ],
)
def test_splits_share_nothing_they_hold_out(kind: str, held_out: str, split: str) -> None:
    parts: dict[str, set[str]] = {}
    for clip in of_kind(kind):
        parts.setdefault(clip[split], set()).add(clip[held_out])
    assert len(parts) == (5 if split == "session" else 3)
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_every_speaker_says_every_word_and_every_phrase_in_every_style() -> None:
    assert len(SPEAKERS) >= 16
    assert set(KEYWORDS) < set(WORDS)
    words = Counter((clip["speaker"], clip["word"]) for clip in of_kind("word"))
    assert words == Counter({(speaker, word): 2 for speaker in SPEAKERS for word in WORDS})
    styled = Counter((clip["speaker"], clip["style"]) for clip in of_kind("phrase"))
    assert styled == Counter({(speaker, style): 4 for speaker in SPEAKERS for style in STYLES})


def test_every_session_has_four_speakers_and_every_split_of_words_has_every_word() -> None:
    sessions = {(clip["session"], clip["speaker"]) for clip in CLIPS if clip["session"]}
    assert set(Counter(session for session, _ in sessions).values()) == {4}
    for split in ("train", "dev", "test"):
        assert {clip["word"] for clip in of_kind("word") if clip["split"] == split} == set(WORDS)


def test_files_are_the_ones_that_were_made() -> None:
    digest = hashlib.sha256()
    for clip in CLIPS:
        found = hashlib.sha256((ROOT / clip["path"]).read_bytes()).hexdigest()
        assert found == clip["sha256"], clip["path"]
        digest.update(found.encode())
    assert json.loads((ROOT / "engines.json").read_text())["fingerprint"] == digest.hexdigest()


def test_every_file_decodes_to_speech_of_the_stated_length() -> None:
    for clip in CLIPS:
        samples, rate = soundfile.read(ROOT / clip["path"], dtype="float32")
        assert rate == SAMPLE_RATE and samples.ndim == 1
        assert 0.2 <= len(samples) / rate <= 3.0, clip["path"]
        assert len(samples) / rate == pytest.approx(float(clip["seconds"]), abs=0.001)
        assert np.isfinite(samples).all() and 0.005 < np.sqrt(np.mean(samples**2)) < 0.3, clip["path"]
