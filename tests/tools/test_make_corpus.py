"""The corpus can be made again, clip by clip, in any order."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.demo.corpus import demo_clips, demo_manifest_path
from s3prl_convexprune.errors import AudioError
from s3prl_convexprune.sampling import SAMPLE_RATE
from tools.demo_corpus.__main__ import clips, make_clip
from tools.demo_corpus.engines import engine_versions, missing_engines
from tools.demo_corpus.opus import encode_opus, with_fixed_serial


def test_the_manifest_is_the_one_the_script_writes() -> None:
    made = [asdict(clip) for clip in clips()]
    shipped = [{name: clip[name] for name in made[0]} for clip in demo_clips()]
    assert made == shipped


def test_noise_is_made_again_byte_for_byte() -> None:
    recorded = json.loads((demo_manifest_path().parent / "engines.json").read_text())["versions"]
    if recorded["libsndfile"] != soundfile.__libsndfile_version__:
        pytest.skip(f"made with libsndfile {recorded['libsndfile']}, here is {soundfile.__libsndfile_version__}")
    assert_same([i for i, clip in enumerate(clips()) if clip.kind == "noise"][:2])


def test_speech_is_made_again_byte_for_byte_in_any_order() -> None:
    recorded = json.loads((demo_manifest_path().parent / "engines.json").read_text())["versions"]
    if missing_engines():
        pytest.skip(f"speech engines not installed: {', '.join(missing_engines())}")
    here = engine_versions() | {"libsndfile": soundfile.__libsndfile_version__}
    if any(here[name] != recorded[name] for name in here):
        pytest.skip(f"the corpus was made with {recorded}, here are {here}")
    speech = [i for i, clip in enumerate(clips()) if clip.kind != "noise"]
    assert_same(random.Random(0).sample(speech, 16))


def assert_same(indices: list[int]) -> None:
    made, shipped = list(clips()), demo_clips()
    for index in indices:
        encoded = encode_opus(make_clip(made[index]), SAMPLE_RATE)
        assert hashlib.sha256(encoded).hexdigest() == shipped[index]["sha256"], made[index].path


def test_encoding_does_not_depend_on_the_run() -> None:
    pytest.importorskip("soundfile", "0.13", reason="writing Opus takes what the extra tools asks for")
    tone = 0.1 * np.sin(np.arange(8000) / 5)
    assert encode_opus(tone, 16000) == encode_opus(tone, 16000)


def test_what_is_no_ogg_stream_is_refused() -> None:
    with pytest.raises(AudioError, match="no Ogg page"):
        with_fixed_serial(b"RIFF and so on")
