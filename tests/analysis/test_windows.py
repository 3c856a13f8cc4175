"""A long file in windows: every frame counts once, and only what lies beyond the context is not heard."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.batches import CONTEXT_SECONDS, Batching, windows_of
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import ConfigError

compat.apply()

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
