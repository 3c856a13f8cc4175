"""Any readable audio becomes 16 kHz mono float32; the rest is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.analysis.audio import load_audio
from s3prl_convexprune.errors import AudioError


def tone(rate, seconds=0.5, hertz=440.0, channels=1):
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    return np.stack([wave] * channels, axis=1)


def dominant(wav, rate=16_000):
    return np.fft.rfftfreq(len(wav), 1 / rate)[np.abs(np.fft.rfft(wav * np.hanning(len(wav)))).argmax()]


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_a_tone_keeps_its_pitch_length_and_level(tmp_path, rate, ending):
    soundfile.write(tmp_path / f"a.{ending}", tone(rate), rate)
    wav = load_audio(tmp_path / f"a.{ending}")
    assert wav.dtype == np.float32 and wav.ndim == 1
    assert abs(len(wav) - 8_000) <= 160
    assert abs(dominant(wav) - 440) < 4
    assert abs(np.abs(wav[2000:6000]).max() - 0.5) < 0.02


def test_sixteen_bit_samples_come_through_exactly(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32767, 4000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    assert np.array_equal(load_audio(tmp_path / "a.wav"), samples.astype(np.float32) / 32768)


def test_channels_are_averaged(tmp_path):
    stereo = tone(16_000, channels=2) * [1.0, 0.0]
    soundfile.write(tmp_path / "a.wav", stereo, 16_000, subtype="FLOAT")
    assert np.allclose(load_audio(tmp_path / "a.wav"), stereo.mean(axis=1), atol=1e-7)


def make(folder, kind):
    path = folder / "a.wav"
    if kind == "text":
        path.write_text("this is no audio")
    elif kind == "empty file":
        path.touch()
    elif kind == "no samples":
        soundfile.write(path, np.zeros(0), 16_000)
    elif kind == "short":
        soundfile.write(path, np.zeros(399), 16_000)
    elif kind == "short after resampling":
        soundfile.write(path, np.zeros(1000), 48_000)
    elif kind == "NaN":
        soundfile.write(path, np.full(4000, np.nan), 16_000, subtype="FLOAT")
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    "kind", ["absent", "text", "empty file", "no samples", "short", "short after resampling", "NaN", "folder"]
)
def test_what_is_not_speech_is_refused_by_name(tmp_path, kind):
    with pytest.raises(AudioError) as caught:
        load_audio(make(tmp_path, kind))
    assert "a.wav" in str(caught.value) and "\n" not in str(caught.value)
