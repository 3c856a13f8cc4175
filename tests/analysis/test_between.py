"""How alike states are is gathered frame by frame, over an utterance's own frames, in batches, windows and shards."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.analysis.between import alike
from s3prl_convexprune.analysis.hidden_states import extract_points
from s3prl_convexprune.analysis.kept_points import KeptPoints, gathered
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.analysis.shards import Shard
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.upstreams.registry import build_upstream


def naive(states: list[np.ndarray]) -> np.ndarray:
    """Mean cosines and angles of every two states over frames, one frame at a time."""
    found = np.zeros((2, len(states), len(states)))
    for i, first in enumerate(states):
        for j, second in enumerate(states):
            cosines = [np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(first, second, strict=True)]
            found[0, i, j] = np.mean(cosines)
            found[1, i, j] = np.mean([math.acos(np.clip(c, -1, 1)) / math.pi for c in cosines])
    return found


def test_turned_frames_have_the_angle_they_were_turned_by():
    base = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    turned = [base @ torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) for a in (0, 0.3, 1.0)]
    both = alike(turned, [320] * 3)
    assert both is not None and both.shape == (1, 2, 6)
    np.testing.assert_allclose(both[0, 0, :3], np.cos([0.3, 1.0, 0.7]), rtol=1e-6)
    np.testing.assert_allclose(both[0, 1, 3:] * math.pi, [0.3, 1.0, 0.7], rtol=1e-5)


@pytest.mark.parametrize("shapes, rates", [([(1, 4, 3), (1, 4, 5)], [320, 320]), ([(1, 4, 3), (1, 4, 3)], [320, 640])])
def test_states_of_other_widths_or_rates_are_not_compared(shapes, rates):
    assert alike([torch.ones(shape) for shape in shapes], rates) is None


def test_every_frame_weighs_the_same_and_only_what_is_kept_stays():
    rows = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 3]])
    cosines, angles = gathered(rows, 3, [0, 2])
    np.testing.assert_allclose(cosines, [[1, 0.5], [0.5, 1]])
    np.testing.assert_allclose(angles, [[0, 0.8], [0.8, 0]])


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Files of unequal length, one with two segments, and what frame by frame came of each file alone."""
    folder = tmp_path_factory.mktemp("between")
    expert = build_upstream("tiny_hubert").eval()
    rng = np.random.default_rng(0)
    sample, frames = [], []
    for name, seconds, segments in (("a", 0.5, [(None, None)]), ("b", 1.1, [(0.0, 0.5), (0.5, 1.1)])):
        wav = (0.1 * rng.standard_normal(round(16000 * seconds))).astype(np.float32)
        path = folder / f"{name}.wav"
        soundfile.write(path, wav, 16_000, subtype="FLOAT")
        sample += [Utterance(path, start=start, end=end) for start, end in segments]
        with torch.inference_mode():
            states = [state[0].numpy() for state in expert([torch.from_numpy(wav)])["hidden_states"]]
        frames.append(states)
    return expert, sample, [np.concatenate(parts) for parts in zip(*frames, strict=True)]


def test_it_is_that_of_every_frame(heard, tmp_path):
    expert, sample, states = heard
    store = PointStore(tmp_path / "work", "key", len(sample))
    extract_points(expert, sample, store, progress=False, between=True)
    assert len(store.layer_paths()) == len(states)
    rows = store.between()
    assert rows is not None and rows[:, -1].sum() == len(states[0])
    made = gathered(rows, len(states), range(len(states)))
    np.testing.assert_allclose(made, naive(states), atol=2e-4)


def test_a_shard_hands_it_on(heard, tmp_path):
    expert, sample, _ = heard
    alone, store = Shard(), PointStore(tmp_path / "work", "key", len(sample))
    extract_points(expert, sample, alone, progress=False, between=True)
    extract_points(expert, sample, store, progress=False, between=True)
    rows = store.between()
    assert rows is not None
    for batch in alone.finished:
        np.testing.assert_array_equal(
            alone.content[f"{batch}/between"].astype("<f4"), rows[alone.content[f"{batch}/rows"]]
        )


def test_kept_points_bring_it_back(tmp_path):
    between = np.random.default_rng(0).uniform(size=(2, 2, 2)).astype(np.float32)
    kept = KeptPoints("a" * 64, (0, 1), (np.ones((3, 2)), np.ones((3, 2))), {"word": ["a", "b", "c"]}, between)
    read = KeptPoints.read(kept.write(tmp_path / "x.points.npz"))
    assert read.between is not None
    np.testing.assert_array_equal(read.between, between)
