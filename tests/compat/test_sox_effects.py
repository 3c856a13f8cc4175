"""The replacement of torchaudio's sox effects: sox itself where its filters are asked for, and refused without it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.compat import sox_effects
from s3prl_convexprune.compat.sox_effects import apply_effects_file, apply_effects_tensor, needed
from s3prl_convexprune.errors import AudioError

KS_EFFECTS = [["channels", "1"], ["rate", "16000"], ["gain", "-3.0"]]
ASV_EFFECTS = [*KS_EFFECTS, ["silence", "1", "0.1", "0.1%", "-1", "0.1", "0.1%"]]
needs_sox = pytest.mark.skipif(
    sox_effects.program() is None, reason="the program sox is not installed: apt-get install sox"
)

#: libsox keeps 32-bit integers and rounds them to 24 bits on the way to float32, so 2^-24 bounds the difference from
#: real arithmetic.
TOLERANCE = 2.0**-24


@pytest.fixture
def clip(tmp_path):
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 16000).astype(np.int16)
    soundfile.write(tmp_path / "clip.wav", samples, 16000, subtype="PCM_16")
    return tmp_path / "clip.wav", samples


def test_ks_effects_are_a_gain_of_minus_three_decibels(clip):
    path, samples = clip
    wav, rate = apply_effects_file(str(path), KS_EFFECTS)
    assert (rate, wav.dtype, tuple(wav.shape)) == (16000, torch.float32, (1, 16000))
    expected = samples.astype(np.float64) / 2**15 * 10 ** (-3.0 / 20)
    np.testing.assert_allclose(wav[0].numpy(), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("decibels", ["-3.0", "0", "+2", "6.0"])
def test_gain_agrees_with_torchaudio_functional(decibels):
    import torchaudio.functional

    wav = torch.rand(1, 4000, generator=torch.Generator().manual_seed(1)) * 2 - 1
    ours, _ = apply_effects_tensor(wav, 16000, [["gain", decibels]])
    theirs = torchaudio.functional.gain(wav.double(), float(decibels)).clamp(-1, 1)
    torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=2 * TOLERANCE)


def test_gain_clips_as_libsox_does():
    wav, _ = apply_effects_tensor(torch.tensor([[0.9, -0.9]]), 16000, [["gain", "6"]])
    assert wav.tolist() == [[1.0, -1.0]]


@pytest.fixture
def spoken(tmp_path):
    """Half a second of silence, one of a tone, one of silence, one of a tone, half of silence; 8 kHz and 16 kHz."""
    paths = {}
    for rate in (8000, 16000):
        time = np.arange(4 * rate) / rate
        heard = ((time % 2 >= 0.5) & (time % 2 < 1.5)) * 0.5 * np.sin(2 * np.pi * 440 * time)
        paths[rate] = tmp_path / f"-|{rate}.m3u.wav"  # a name that sox must not take for an option or a command
        soundfile.write(paths[rate], heard, rate, subtype="PCM_16")
    return paths


@needs_sox
@pytest.mark.parametrize("decibels", ["-3.0", "0", "+2", "6.0"])
def test_gain_is_sox_s_to_the_last_bit(clip, decibels):
    ours, _ = apply_effects_file(str(clip[0]), [["gain", decibels]])
    samples, _ = sox_effects._run_sox(["-t", "wav", str(clip[0])], [["gain", decibels]])
    assert torch.equal(ours, sox_effects._to_float(samples, channels_first=True))


@needs_sox
def test_silence_is_trimmed(spoken, monkeypatch):
    wav, rate = apply_effects_file(str(spoken[16000]), ASV_EFFECTS)
    assert (rate, wav.dtype) == (16000, torch.float32)
    assert wav.shape[1] == pytest.approx(2 * 16000, abs=2 * 0.11 * 16000)  # a pause's first tenth may stay
    monkeypatch.chdir(spoken[16000].parent)
    assert torch.equal(apply_effects_file(spoken[16000].name, ASV_EFFECTS)[0], wav)
    whole = torch.from_numpy(soundfile.read(spoken[16000], dtype="float32")[0])[None]
    assert torch.equal(apply_effects_tensor(whole, 16000, ASV_EFFECTS)[0], wav)


@needs_sox
def test_rate_is_a_resampling(spoken):
    import torchaudio.functional

    wav, rate = apply_effects_file(str(spoken[8000]), KS_EFFECTS)
    assert (rate, tuple(wav.shape)) == (16000, (1, 4 * 16000))
    narrow = torch.from_numpy(soundfile.read(spoken[8000])[0])[None] * 10 ** (-3.0 / 20)
    expected = torchaudio.functional.resample(narrow, 8000, 16000, lowpass_filter_width=64)
    assert (wav - expected)[:, 12000:20000].abs().max() < 1e-3  # inside the tone; filters differ at its edges


@needs_sox
def test_channels_are_mixed(tmp_path):
    left, right = np.random.default_rng(1).integers(-(2**14), 2**14, (2, 800)).astype(np.int16)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), 16000, subtype="PCM_16")
    wav, _ = apply_effects_file(str(tmp_path / "two.wav"), [["channels", "1"]])
    np.testing.assert_allclose(wav[0].numpy(), (left / 2**15 + right / 2**15) / 2, rtol=0, atol=TOLERANCE)


@needs_sox
@pytest.mark.parametrize(
    ("effect", "said"), [(["silense", "1"], "did you mean 'silence'"), (["rate", "fast"], "usage")]
)
def test_what_sox_refuses_is_said(clip, effect, said):
    with pytest.raises(AudioError, match=said) as error:
        apply_effects_file(str(clip[0]), [effect])
    assert "clip.wav" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("effects", [KS_EFFECTS, ASV_EFFECTS])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_original_agrees(spoken, effects, rate):
    """Where torchaudio still has sox effects and libsox, the replacement equals them to the last bit."""
    original = pytest.importorskip("torchaudio.sox_effects")
    if needed() or original.apply_effects_file is apply_effects_file:
        pytest.skip("this torchaudio has no sox effects of its own, or finds no libsox")
    if sox_effects.program() is None and (rate, effects) != (16000, KS_EFFECTS):
        pytest.skip("the program sox is not installed: apt-get install sox")
    theirs, their_rate = original.apply_effects_file(str(spoken[rate]), effects)
    ours, our_rate = apply_effects_file(str(spoken[rate]), effects)
    assert their_rate == our_rate
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("channels", "rate", "effect"),
    [
        (2, 16000, ["channels", "1"]),
        (1, 44100, ["rate", "16000"]),
        (1, 16000, ["silence", "1", "0.1", "0.1%"]),
        (1, 16000, ["gain", "-n", "-3"]),
    ],
)
def test_without_sox_its_filters_are_refused(tmp_path, monkeypatch, channels, rate, effect):
    monkeypatch.setenv("PATH", "")
    sox_effects.program.cache_clear()
    soundfile.write(tmp_path / "clip.wav", np.zeros((100, channels)), rate)
    try:
        with pytest.raises(AudioError, match="apt-get install sox") as error:
            apply_effects_file(str(tmp_path / "clip.wav"), [effect])
    finally:
        sox_effects.program.cache_clear()
    assert "clip.wav" in str(error.value) and " ".join(effect) in str(error.value)
