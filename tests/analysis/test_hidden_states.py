"""A point is the mean of an utterance's own frames in one layer, whatever else was in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.batches import Batch, Batching, Clip, Lengths, plan_batches
from s3prl_convexprune.analysis.hidden_states import batching_for, extract_points
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import AudioError, CorpusError, DataError

compat.apply()

from s3prl_convexprune.upstreams.registry import build_upstream  # noqa: E402
from tests.checkpoints import CASES, LAYERS  # noqa: E402

LENGTHS = {"a": 8000, "b": 16000, "c": 8000, "d": 12345, "e": 400}
KINDS = ("hubert-post", "hubert-pre", "hf_hubert-post")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("audio"), np.random.default_rng(0)
    for name, length in LENGTHS.items():
        soundfile.write(folder / f"{name}.wav", 0.1 * rng.standard_normal(length), 16_000, subtype="FLOAT")
    return {name: folder / f"{name}.wav" for name in LENGTHS}


@pytest.fixture(scope="module", params=KINDS)
def expert(request, tmp_path_factory):
    case = CASES[request.param]
    return build_upstream(case.entry, ckpt=str(case.build(tmp_path_factory.mktemp("ckpt")))).eval()


def states(expert, path):
    wav = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
    with torch.no_grad():
        return [state[0] for state in expert([wav])["hidden_states"]]


def test_whole_files(expert, corpus, tmp_path):
    sample = [Utterance(path) for path in corpus.values()]
    store = PointStore(tmp_path / "work", "key", len(sample))
    extract_points(expert, sample, store, progress=False, batching=batching_for(expert, Batching(most_padding=1.0)))
    assert len(store.layer_paths()) == LAYERS + 1
    for row, path in enumerate(corpus.values()):
        for k, state in enumerate(states(expert, path)):
            assert np.allclose(store.layer(k)[row], state.mean(dim=0), atol=2e-5), (path.name, k)


def test_segments_take_their_own_frames_of_the_whole_files_states(expert, corpus, tmp_path):
    times = [(0.0, 1.0), (0.2, 0.5), (0.5, 0.501), (0.0, 0.02)]
    sample = [Utterance(corpus["b"], start=start, end=end) for start, end in times]
    store = PointStore(tmp_path / "work", "key", len(sample))
    extract_points(expert, sample, store, progress=False)
    for k, state in enumerate(states(expert, corpus["b"])):
        centres = (np.arange(len(state)) + 0.5) * 320 / 16_000
        for row, (start, end) in enumerate(times):
            own = (centres >= start) & (centres < end)
            expected = state[own].mean(dim=0) if own.any() else state[np.abs(centres - (start + end) / 2).argmin()]
            assert np.allclose(store.layer(k)[row], expected, atol=2e-5), (times[row], k)


def test_padded_batches_hold_neighbours_in_length_within_their_seconds(corpus):
    batching = Batching(padded=True, seconds=1.6, most_padding=1.0)
    batches = plan_batches(Lengths.read([Utterance(path) for path in corpus.values()]), batching)
    assert [[path.stem for path in batch.files] for batch in batches] == [["e", "a", "c"], ["d"], ["b"]]
    assert [batch.seconds for batch in batches] == [16400 / 16000, 12345 / 16000, 1.0]


def test_batches_hold_files_of_one_length(corpus):
    batches = plan_batches(Lengths.read([Utterance(path) for path in corpus.values()]), Batching(seconds=1.0))
    assert sorted(path for batch in batches for path in batch.files) == sorted(corpus.values())
    for batch in batches:
        lengths = {LENGTHS[path.stem] for path in batch.files}
        assert len(lengths) == 1 and len(batch.files) * lengths.pop() <= 16_000


def test_a_nan_in_a_hidden_state_names_layer_and_file(corpus, tmp_path):
    case = CASES["hubert-post"]
    expert = build_upstream(case.entry, ckpt=str(case.build(tmp_path / "ckpt"))).eval()
    with torch.no_grad():
        expert.model.encoder.layers[1].fc1.weight[0, 0] = float("nan")
    with pytest.raises(DataError, match=r"layer 2 .*a\.wav"):
        extract_points(expert, [Utterance(corpus["a"])], PointStore(tmp_path / "w", "key", 1), progress=False)


def test_a_segment_beyond_its_file(corpus):
    with pytest.raises(CorpusError, match="ends at 9.0 s"):
        Lengths.read([Utterance(corpus["a"], start=0.1, end=9.0)])


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no such"), (b"", "cannot be read"), (b"text", "cannot be read")]
)
def test_bad_files_are_named_before_anything_runs(tmp_path, content, reason):
    path = Path(tmp_path / "bad.wav")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=reason):
        Lengths.read([Utterance(path)])


def test_silence_is_counted_in_files_in_segments_and_over_a_kill(tmp_path):
    case = CASES["hubert-post"]
    expert = build_upstream(case.entry, ckpt=str(case.build(tmp_path / "ckpt"))).eval()
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    wavs = {"speech": noise, "offset": np.full(12_000, 0.25), "gap": np.append(noise[:8000], np.zeros(9000))}
    for name, wav in wavs.items():
        soundfile.write(tmp_path / f"{name}.wav", wav, 16_000, subtype="FLOAT")
    gap = tmp_path / "gap.wav"
    sample = [
        Utterance(tmp_path / "speech.wav"),
        Utterance(gap, start=0.1, end=0.4),
        Utterance(gap, start=0.5, end=0.9),
        Utterance(gap, start=0.4, end=0.6),
        Utterance(tmp_path / "offset.wav"),
    ]
    batches = plan_batches(Lengths.read(sample))
    store = PointStore(tmp_path / "work", "key", len(sample), flush_seconds=0)
    lost = Batch((Clip(tmp_path / "lost.wav"),), ((0,),))
    with pytest.raises(AudioError):  # after the first batch, the one of the shortest file: the silent one
        extract_points(expert, sample, store, progress=False, batches=[batches[0], lost], workers=0)
    store = PointStore(tmp_path / "work", "key", len(sample))
    assert store.finished == {0: (4,)}
    assert extract_points(expert, sample, store, progress=False, batches=batches) == 2
    assert sorted(row for rows in store.finished.values() for row in rows) == [2, 4]


@pytest.mark.parametrize("window", [None, 30.0], ids=["whole", "in windows"])
@pytest.mark.parametrize("seconds, rate", [(2, 16_000), (1, 8_000)], ids=["longer", "of another rate"])
def test_a_file_that_changed_after_the_plan_is_refused(expert, tmp_path, seconds, rate, window):
    noise = np.random.default_rng(0).uniform(-1, 1, 40 * 16_000)
    soundfile.write(tmp_path / "a.wav", noise[: 40 * 16_000 if window else 16_000], 16_000)
    sample = [Utterance(tmp_path / "a.wav")]
    batching = batching_for(expert, Batching(window=window))
    batches = plan_batches(Lengths.read(sample), batching)
    soundfile.write(tmp_path / "a.wav", noise[: seconds * rate], rate)
    store = PointStore(tmp_path / "work", "key", 1)
    with pytest.raises(AudioError, match=r"a\.wav: has changed since its header was read"):
        extract_points(expert, sample, store, progress=False, batches=batches, batching=batching)


def test_points_that_the_protocol_cuts_are_counted(corpus):
    sample = [Utterance(path) for path in corpus.values()]
    assert sum(batch.cut for batch in plan_batches(Lengths.read(sample))) == 0
    assert sum(batch.cut for batch in plan_batches(Lengths.read(sample, 8000))) == 2
