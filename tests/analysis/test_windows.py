"""A long file in windows: every frame counts once, and only what lies beyond the context is not heard."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune import compat
from s3prl_convexprune.analysis import hidden_states
from s3prl_convexprune.analysis.batches import CONTEXT_SECONDS, Batching
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.analysis.windows import windows_of
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import ConfigError

compat.apply()

from s3prl_convexprune.upstreams.padding import Padding  # noqa: E402
from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402


@given(samples=st.integers(400, 5_000_000), window=st.floats(11.0, 100.0))
def test_windows_share_out_the_waveform_and_hear_their_context(samples, window):
    batching = Batching(window=window)
    windows = windows_of(samples, batching)
    context = CONTEXT_SECONDS * 16_000
    assert windows[0].first == 0 and windows[-1].last == samples
    assert [part.ends for part in windows[:-1]] == [part.begins for part in windows[1:]]
    for part in windows:
        assert part.last - part.first <= window * 16_000 + context
        assert part.first == 0 or part.first == part.begins - context
        assert part.last == samples or part.last == part.ends + context


def points(expert, sample, folder, window):
    store = PointStore(folder, "key", len(sample))
    moved = extract_points(
        expert, sample, store, progress=False, batching=batching_for(expert, Batching(window=window))
    )
    assert moved == 0
    return [store.layer(k) for k in range(len(store.layer_paths()))]


def test_a_local_layer_is_the_whole_files_and_attention_nearly_so(tmp_path):
    case = CASES["hubert-pre"]
    expert = build_upstream(case.entry, ckpt=str(case.build(tmp_path / "ckpt"))).eval()
    expert.task_cfg.normalize = False  # a norm over the waveform hears all of it
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "long.wav", 0.1 * rng.standard_normal(31 * 16_000), 16_000, subtype="FLOAT")
    times = [(0.0, 0.4), (5.9, 6.3), (6.999, 7.001), (3.0, 29.0), (30.5, 31.0)]
    sample = [Utterance(tmp_path / "long.wav"), *(Utterance(tmp_path / "long.wav", start=a, end=b) for a, b in times)]
    whole, windows = points(expert, sample, tmp_path / "1", None), points(expert, sample, tmp_path / "2", 12.0)
    assert np.abs(windows[0] - whole[0]).max() <= 1e-5 * np.abs(whole[0]).max()
    for parts, all_of_it in zip(windows[1:], whole[1:], strict=True):
        difference = np.linalg.norm(parts - all_of_it, axis=1) / np.linalg.norm(all_of_it, axis=1)
        assert 0 < difference.max() < 0.1


def test_a_window_of_context_alone():
    with pytest.raises(ConfigError, match="at least 11 s"):
        Batching(window=10.0)


class Local(torch.nn.Module):
    """An upstream of one layer whose frames hear 320 samples each."""

    def forward(self, wavs):
        padded = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
        return {"hidden_states": [padded[:, : padded.shape[1] // 320 * 320].unflatten(1, (-1, 320))[..., :2].clone()]}

    def get_downsample_rates(self, key):
        return 320


class LocalPadding(Padding):
    def frames(self, expert):
        return lambda samples: samples // 320

    def exact(self, expert):
        return nullcontext(lambda samples: None)


@pytest.fixture
def local(monkeypatch):
    monkeypatch.setattr(hidden_states, "_padding", lambda expert: LocalPadding())
    return Local()


def test_memory_does_not_grow_with_a_files_length(local, tmp_path):
    peaks = []
    for minutes in (1, 10):
        noise = np.random.default_rng(0).integers(-3000, 3000, minutes * 60 * 16_000, np.int16)
        soundfile.write(tmp_path / "long.wav", noise, 16_000)
        sample = [Utterance(tmp_path / "long.wav"), Utterance(tmp_path / "long.wav", start=20.0, end=55.0)]
        expected = [part.reshape(-1, 320)[:, :2].mean(0) / 32768 for part in (noise, noise[320_000:880_000])]
        del noise
        tracemalloc.start()
        (found,) = points(local, sample, tmp_path / str(minutes), 30.0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert peaks[1] - peaks[0] < 4 * 2**20 < 9 * 60 * 64_000


@pytest.mark.parametrize("workers", [0, 1])
def test_silence_is_found_window_by_window(local, tmp_path, workers):
    wav = np.zeros(40 * 16_000, np.int16)
    wav[35 * 16_000] = 1000
    soundfile.write(tmp_path / "long.wav", wav, 16_000)
    soundfile.write(tmp_path / "silent.flac", wav[: 30 * 16_000] + 7, 16_000)
    times = [(0.0, 40.0), (0.0, 35.0), (34.9, 35.1), (20.0, 34.0), (35.0 + 1 / 16_000, 40.0)]
    sample = [Utterance(tmp_path / "long.wav", start=a, end=b) for a, b in times]
    sample += [Utterance(tmp_path / "silent.flac"), Utterance(tmp_path / "long.wav")]
    for cut_out in (True, False):
        batching = batching_for(local, Batching(window=12.0, cut_out=cut_out))
        store = PointStore(tmp_path / str(cut_out), "key", len(sample))
        extract_points(local, sample, store, progress=False, batching=batching, workers=workers)
        assert sorted(row for rows in store.finished.values() for row in rows) == [1, 3, 4, 5]
