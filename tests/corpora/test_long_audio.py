"""Slices of a long file are those of the whole waveform, whatever its rate and format, and little more is held."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
import torchaudio.functional

from s3prl_convexprune.analysis.batches import Batching
from s3prl_convexprune.analysis.windows import windows_of
from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.long_audio import LongAudio
from s3prl_convexprune.corpora.resampling import resampled, resampled_length

FORMATS = {
    "wav": {},
    "flac": {},
    "aiff": {},
    "mp3": {},
    "Vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "Opus": {"format": "OGG", "subtype": "OPUS"},
    "ADPCM": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "GSM": {"format": "WAV", "subtype": "GSM610"},  # libsndfile cannot seek in it
}
RATES = {"mp3": [16_000, 44_100], "Opus": [16_000, 48_000], "GSM": [8_000, 16_000]}
CASES = [
    (kind, rate)
    for kind in FORMATS
    for rate in RATES.get(kind, [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
]
PIECES = [(0, 9_000), (5_000, 16_000), (11_000, 11_001), (12_345, 33_333), (30_000, None), (100, 4_000)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def file(request, tmp_path_factory):
    kind, rate = request.param
    path = tmp_path_factory.mktemp("audio") / "a"
    wav = 0.1 * np.random.default_rng(0).standard_normal((round(2.6 * rate), 1 if kind == "GSM" else 2))
    soundfile.write(path, wav, rate, **{"format": kind, **FORMATS[kind]})
    return path


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_resampling_is_torchaudios(rate):
    wav = np.random.default_rng(0).standard_normal(30_000).astype(np.float32)
    theirs = torchaudio.functional.resample(torch.from_numpy(wav), rate, 16_000).numpy()
    assert np.array_equal(resampled(wav, rate), theirs) and resampled_length(30_000, rate) == len(theirs)


@pytest.mark.parametrize("segment", [None, (0.2501, 2.5)])
def test_slices_are_those_of_the_whole(file, segment):
    whole, audio = load_audio(file, segment), LongAudio(file, segment)
    assert len(audio) == len(whole)
    for first, last in PIECES:
        assert audio[first:last].dtype == np.float32 and np.abs(whole).max() > 0.1
        np.testing.assert_allclose(audio[first:last], whole[first:last], rtol=0, atol=1e-6)
    assert len(audio[40_000:39_000]) == 0


def test_a_segment_of_a_format_that_cannot_seek(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(200_000), 16_000, "GSM610")
    whole = load_audio(tmp_path / "a.wav")
    assert np.array_equal(load_audio(tmp_path / "a.wav", (7.0, 8.5)), whole[112_000:136_000])


def test_what_is_held_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for minutes in (1, 10):
        noise = np.random.default_rng(0).integers(-3000, 3000, minutes * 60 * 16_000, np.int16)
        soundfile.write(tmp_path / "a.flac", noise, 16_000)
        del noise
        tracemalloc.start()
        audio = LongAudio(tmp_path / "a.flac")
        heard = [len(audio[window.first : window.last]) for window in windows_of(len(audio), Batching(window=30.0))]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(heard) > len(audio) == minutes * 960_000
    assert peaks[1] - peaks[0] < 2**21 < 2 * 30 * 64_000 < peaks[0] < 20 * 2**20
