"""Reading and writing audio by soundfile, held against Python's own wave module and against what was written."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.compat import audio_files
from s3prl_convexprune.errors import AudioError


def integers(count: int = 1000, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(-(2**15), 2**15, (count, channels)).astype(np.int16)


@pytest.mark.parametrize("channels", [1, 2])
def test_wav_is_read_as_the_wave_module_reads_it(tmp_path, channels):
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(integers(channels=channels).tobytes())
    wav, rate = audio_files.load(tmp_path / "clip.wav")
    assert (rate, wav.dtype, tuple(wav.shape)) == (16000, torch.float32, (channels, 1000))
    assert torch.equal(wav, torch.from_numpy(integers(channels=channels).T / np.float32(2**15)))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_lossless_files_and_their_parts(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    soundfile.write(path, integers(), 16000, subtype="PCM_16")
    whole, _ = audio_files.load(str(path))
    part, _ = audio_files.load(str(path), frame_offset=100, num_frames=50)
    assert torch.equal(part, whole[:, 100:150])
    assert torch.equal(audio_files.load(path, channels_first=False)[0], whole.t())
    assert torch.equal(audio_files.load(io.BytesIO(path.read_bytes()))[0], whole)
    found = audio_files.info(path)
    assert (found.sample_rate, found.num_frames, found.num_channels, found.bits_per_sample) == (16000, 1000, 1, 16)
    assert found.encoding == {".wav": "PCM_S", ".flac": "FLAC"}[suffix]


@pytest.mark.parametrize(
    ("dtype", "subtype"), [(torch.float32, "FLOAT"), (torch.float64, "DOUBLE"), (torch.int16, "PCM_16")]
)
def test_saved_wav_keeps_the_tensor(tmp_path, dtype, subtype):
    wav = torch.from_numpy(integers().T.copy())
    wav = wav if dtype == torch.int16 else (wav / 2**15).to(dtype)
    audio_files.save(str(tmp_path / "clip.wav"), wav, 16000)
    assert soundfile.info(tmp_path / "clip.wav").subtype == subtype
    again, rate = audio_files.load(tmp_path / "clip.wav")
    assert rate == 16000
    assert torch.equal(again, wav.float() / 2**15 if dtype == torch.int16 else wav.float())


@pytest.mark.parametrize("content", [None, b"", b"not audio at all"])
def test_unreadable_files_are_named(tmp_path, content):
    path = tmp_path / "clip.wav"
    if content is not None:
        path.write_bytes(content)
    for read in (audio_files.load, audio_files.info):
        with pytest.raises(AudioError, match="clip.wav"):
            read(path)


def test_raw_integers_are_refused(tmp_path):
    with pytest.raises(AudioError, match="normalize"):
        audio_files.load(tmp_path / "clip.wav", normalize=False)
