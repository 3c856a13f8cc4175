"""What is heard with a segment: alone, its states are those of a file that holds nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.analysis.batches import Batching, Clip, Lengths, plan_batches
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.corpora.audio import SHORTEST
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.upstreams.registry import build_upstream

RATE = 16_000
TIMES = [(0.0, 0.5), (0.5, 1.25), (0.3, 0.31), (1.0, 1.5)]


@pytest.fixture(scope="module")
def expert():
    return build_upstream("tiny_hubert").eval()


def points(expert, sample, folder, cut_out, window=None):
    store = PointStore(folder, "key", len(sample))
    batching = batching_for(expert, Batching(cut_out=cut_out, window=window))
    extract_points(expert, sample, store, progress=False, batching=batching)
    return np.stack([store.layer(k) for k in range(len(store.layer_paths()))])


def noise(seconds: float, seed: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def close(ours, theirs):
    return np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_a_segment_alone_is_a_file_of_its_own(expert, tmp_path):
    wav = noise(1.5, 0)
    soundfile.write(tmp_path / "long.wav", wav, RATE, subtype="FLOAT")
    segments = [Utterance(tmp_path / "long.wav", start=start, end=end) for start, end in TIMES]
    files = []
    for number, (start, end) in enumerate(TIMES):
        cut = wav[round(start * RATE) : round(end * RATE)]
        soundfile.write(
            tmp_path / f"{number}.wav", np.pad(cut, (0, max(0, SHORTEST - len(cut)))), RATE, subtype="FLOAT"
        )
        files.append(Utterance(tmp_path / f"{number}.wav"))
    alone, of_files = points(expert, segments, tmp_path / "1", True), points(expert, files, tmp_path / "2", False)
    assert close(alone, of_files)
    assert not close(points(expert, segments, tmp_path / "3", False), of_files)


@pytest.mark.parametrize("cut_out, leaks", [(True, False), (False, True)])
def test_what_stands_beside_a_segment(expert, tmp_path, cut_out, leaks):
    """The same half second between other neighbours: attention hears them where the file is the context."""
    found = []
    for seed in (1, 2):
        wav = np.concatenate([noise(0.5, seed), noise(0.5, 0), noise(0.5, seed + 10)])
        soundfile.write(tmp_path / f"{seed}.wav", wav, RATE, subtype="FLOAT")
        segment = [Utterance(tmp_path / f"{seed}.wav", start=0.5, end=1.0)]
        found.append(points(expert, segment, tmp_path / f"{seed}", cut_out))
    assert (not close(*found)) == leaks


def test_a_long_segment_is_heard_in_windows_of_its_own(expert, tmp_path):
    wav = noise(26.0, 3)
    soundfile.write(tmp_path / "long.wav", wav, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "cut.wav", wav[2 * RATE : 24 * RATE], RATE, subtype="FLOAT")
    segment, file = Utterance(tmp_path / "long.wav", start=2.0, end=24.0), Utterance(tmp_path / "cut.wav")
    ours = points(expert, [segment], tmp_path / "1", True, window=12.0)
    assert close(ours, points(expert, [file], tmp_path / "2", False, window=12.0))


def test_other_rates_are_cut_at_their_own_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(44_100), 44_100)
    sample = [Utterance(tmp_path / "a.wav", start=0.1, end=0.3), Utterance(tmp_path / "a.wav")]
    lengths = Lengths.read(sample, cut_out=True)
    assert lengths.of == {
        Clip(tmp_path / "a.wav", 0.1, 0.3): (3200, 8820, 44_100),
        Clip(tmp_path / "a.wav"): (16_000, 44_100, 44_100),
    }
    assert [batch.rows for batch in plan_batches(lengths)] == [((0,),), ((1,),)]


def test_it_is_stated_and_the_default_does_not_leak(tmp_path):
    sample = []
    for number in range(8):
        soundfile.write(tmp_path / f"{number}.wav", noise(0.6, number), RATE)
        sample += [
            Utterance(tmp_path / f"{number}.wav", {"word": word}, start, start + 0.3)
            for word, start in (("a", 0.0), ("b", 0.3))
        ]
    made = analyze("tiny_hubert", sample, "word", tmp_path / "x.json", neighbors=3, progress=False)
    assert made.settings.context == "segment"
    other = analyze("tiny_hubert", sample, "word", tmp_path / "y.json", neighbors=3, context="file", progress=False)
    assert other.settings.context == "file" and other.settings.key != made.settings.key
    assert other.layers[-1].convexity != made.layers[-1].convexity
    with pytest.raises(ConfigError, match="did you mean 'segment'"):
        analyze("tiny_hubert", sample, "word", context="segmnt")  # type: ignore[arg-type]
