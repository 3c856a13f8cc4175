"""The replacement of torchaudio's sox effects: exact for 16 kHz mono, refused where it could not be."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.compat.sox_effects import apply_effects_file, apply_effects_tensor, needed
from s3prl_convexprune.errors import AudioError

KS_EFFECTS = [["channels", "1"], ["rate", "16000"], ["gain", "-3.0"]]

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


def test_the_original_agrees(clip):
    """Where torchaudio still has sox effects and libsox, the replacement equals them to the last bit."""
    sox_effects = pytest.importorskip("torchaudio.sox_effects")
    if needed() or sox_effects.apply_effects_file is apply_effects_file:
        pytest.skip("this torchaudio has no sox effects of its own, or finds no libsox")
    theirs, rate = sox_effects.apply_effects_file(str(clip[0]), KS_EFFECTS)
    ours, our_rate = apply_effects_file(str(clip[0]), KS_EFFECTS)
    assert rate == our_rate
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("channels", "rate", "effect", "said"),
    [
        (2, 16000, ["channels", "1"], "2 channels"),
        (1, 44100, ["rate", "16000"], "44100 Hz"),
        (1, 8000, ["rate", "16000"], "8000 Hz"),
        (1, 16000, ["vad"], "'vad'"),
        (1, 16000, ["gain", "-n", "-3"], "'gain -n -3'"),
        (1, 16000, ["speed", "1.1"], "channels, rate, gain"),
    ],
)
def test_what_cannot_be_exact_is_refused(tmp_path, channels, rate, effect, said):
    soundfile.write(tmp_path / "clip.wav", np.zeros((100, channels)), rate)
    with pytest.raises(AudioError, match=said) as error:
        apply_effects_file(str(tmp_path / "clip.wav"), [effect])
    assert "clip.wav" in str(error.value)
