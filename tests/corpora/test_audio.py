"""Any readable audio becomes 16 kHz mono float32; the rest is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.long_audio import LongAudio
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


def noise(seconds=1.0, rate=16_000):
    return 0.1 * np.random.default_rng(0).normal(size=int(seconds * rate))


def spoiled(path, spoil, **options):
    """A file of a second of noise, its bytes spoiled."""
    soundfile.write(path, noise(), 16_000, **options)
    path.write_bytes(spoil(path.read_bytes()))


def half(content):
    return content[: len(content) // 2]


def one_bit(content):
    at = 2 * len(content) // 3
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def words(at, value):
    return lambda content: content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


VORBIS, OPUS = {"format": "OGG", "subtype": "VORBIS"}, {"format": "OGG", "subtype": "OPUS"}
BAD = {
    "absent": (lambda path: None, "no such audio file"),
    "folder": (lambda path: path.mkdir(), "no such audio file"),
    "text": (lambda path: path.write_text("this is no audio"), "cannot be read"),
    "empty file": (lambda path: path.touch(), "cannot be read"),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), 16_000), "empty"),
    "short": (lambda path: soundfile.write(path, np.zeros(399), 16_000), "25 ms"),
    "short after resampling": (lambda path: soundfile.write(path, np.zeros(1000), 48_000), "21 ms"),
    "NaN": (lambda path: soundfile.write(path, np.full(4000, np.nan), 16_000, subtype="FLOAT"), "NaN"),
    "infinite": (lambda path: soundfile.write(path, np.full(4000, np.inf), 16_000, subtype="FLOAT"), "NaN"),
    "cancelling": (lambda path: soundfile.write(path, noise()[:, None] * [1, -1], 16_000), "cancel"),
    "cut WAV": (lambda path: spoiled(path, half), "cut short: 15978 bytes of audio are there"),
    "a claim of 8 hours": (lambda path: spoiled(path, words(40, 8 * 3600 * 32_000)), "its header says 921600000"),
    "two hours": (lambda path: soundfile.write(path, np.zeros(2 * 3600 * 4000, np.int16), 4000, "PCM_U8"), "2.0 hours"),
    "no rate": (lambda path: spoiled(path, words(24, 0)), "cannot be read"),
    "a rate of 2 GHz": (lambda path: spoiled(path, words(24, 2**31 - 1)), "2147483647 Hz"),
    "a rate of 1 Hz": (lambda path: spoiled(path, words(24, 1)), "1 Hz"),
    "a prime rate": (lambda path: spoiled(path, words(24, 44_101)), "too little in common"),
    "cut FLAC": (lambda path: spoiled(path, half, format="FLAC"), "cannot be read"),
    "damaged FLAC": (lambda path: spoiled(path, one_bit, format="FLAC"), "cannot be read"),
    "cut Vorbis": (lambda path: spoiled(path, half, **VORBIS), "damaged or cut short"),
    "damaged Vorbis": (lambda path: spoiled(path, one_bit, **VORBIS), "damaged or cut short"),
    "damaged Opus": (lambda path: spoiled(path, one_bit, **OPUS), "damaged or cut short"),
    "cut MP3": (lambda path: spoiled(path, half, format="MP3"), "samples can be decoded"),
}


@pytest.mark.parametrize("read", [load_audio, LongAudio], ids=["whole", "in pieces"])
@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_speech_is_refused_by_name(tmp_path, kind, read):
    make, reason = BAD[kind]
    make(tmp_path / "a.wav")
    with pytest.raises(AudioError) as caught:
        read(tmp_path / "a.wav")
    said = str(caught.value)
    assert "a.wav" in said and reason in said and "\n" not in said


def test_a_header_written_before_the_length_was_known(tmp_path):
    """What ffmpeg and sox write into a pipe."""
    for size in (2**32 - 1, 0x7FFF_FFFF - 36):
        spoiled(tmp_path / "a.wav", words(40, size))
        assert len(load_audio(tmp_path / "a.wav")) == 16_000


@pytest.mark.parametrize("options", [VORBIS, OPUS], ids=["Vorbis", "Opus"])
def test_whole_ogg_streams_are_read(tmp_path, options):
    soundfile.write(tmp_path / "a.ogg", noise(20), 16_000, **options)
    assert abs(len(load_audio(tmp_path / "a.ogg")) - 320_000) < 1000
