"""Screening: the head is s3prl's own on means, folds never share a group, intervals count groups, margins choose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from s3prl_convexprune.analysis.heads import HeadSettings, _logits, train_heads
from s3prl_convexprune.analysis.kept_points import KeptPoints, points_path
from s3prl_convexprune.analysis.screen import Screen, ScreenRow, over_groups, screen, screened
from s3prl_convexprune.analysis.select import select
from s3prl_convexprune.convexity.folds import group_folds
from s3prl_convexprune.errors import ArtifactError, ConfigError, DataError

KEY = "a" * 64


def points(speakers: int = 6, each: int = 8, strength=(0.0, 0.0, 3.0), dim: int = 10, seed: int = 0) -> KeptPoints:
    """Two classes; each state shows them as strongly as stated, every speaker has an offset of their own."""
    rng = np.random.default_rng(seed)
    classes = np.tile([0, 1], speakers * each // 2)
    owner = np.repeat(np.arange(speakers), each)
    states = []
    for factor in strength:
        state = rng.standard_normal((len(classes), dim)) + rng.standard_normal((speakers, dim))[owner]
        state[:, 0] += factor * (2 * classes - 1)
        states.append(state.astype(np.float32))
    columns = {
        "word": [("no", "yes")[k] for k in classes],
        "speaker": [f"s{k}" for k in owner],
        "file": [f"{k}.wav" for k in range(len(classes))],
    }
    return KeptPoints(KEY, tuple(range(len(strength))), tuple(states), columns)


def run(kept: KeptPoints, group: str = "speaker", steps: int = 60, **more) -> Screen:
    return screened(kept, more.pop("label", "word"), group, 5, (0, 1), steps, 0.01, "tiny", more.pop("norm", None))


def first(*counts: int, of: int = 3) -> np.ndarray:
    """Heads that read the first of the states."""
    return np.arange(of) < np.array(counts)[:, None]


def test_the_head_on_means_is_s3prls_head_on_frames():
    from s3prl.downstream.model import UtteranceLevel

    torch.manual_seed(0)
    frames = torch.randn(3, 4, 20, 6)  # states, utterances, frames, dim
    mix = torch.randn(3)
    projector = torch.nn.Linear(6, 5)
    model = UtteranceLevel(5, 2, pooling="MeanPooling")
    weighted = (mix.softmax(0)[:, None, None, None] * frames).sum(dim=0)
    with torch.no_grad():
        theirs, _ = model(projector(weighted), torch.full((4,), 20))
        weights = [layer.weight.T[None, None] for layer in (projector, model.post_net.linear)]
        biases = [layer.bias[None, None, None] for layer in (projector, model.post_net.linear)]
        unread = torch.zeros(1, 3, dtype=torch.bool)
        ours = _logits(frames.mean(dim=2)[:, None], mix[None, None], unread, weights, biases)
    torch.testing.assert_close(ours[0, 0], theirs)


def test_heads_trained_together_are_heads_trained_alone():
    kept = points()
    states, codes = torch.from_numpy(np.stack(kept.states)), np.unique(kept.columns["word"], return_inverse=True)[1]
    train = np.arange(0, len(codes), 2)
    both = train_heads(states, codes, first(2, 3), 2, train, HeadSettings(steps=20, seeds=(0, 1)))
    for at, read in enumerate((2, 3)):
        for seed in (0, 1):
            how = HeadSettings(steps=20, seeds=(seed,))
            alone = train_heads(states[:read], codes, first(read, of=read), 2, train, how)
            np.testing.assert_allclose(both[1][seed, at, :read], alone[1][0, 0], rtol=1e-4)
            assert (both[0][seed, at] == alone[0][0, 0]).all()
    assert (both[1][:, 0, 2] == 0).all()


def test_points_classified_in_parts_are_classified_as_they_are(monkeypatch):
    """Any number of layers and points: what heads hold at a time does not grow with the points."""
    from s3prl_convexprune.analysis import heads

    kept = points()
    states, codes = torch.from_numpy(np.stack(kept.states)), np.unique(kept.columns["word"], return_inverse=True)[1]
    given = (states, codes, first(2, 3), 2, np.arange(0, len(codes), 2), HeadSettings(steps=20, seeds=(0, 1)))
    together = train_heads(*given)[0]
    monkeypatch.setattr(heads, "AT_ONCE", 7)
    np.testing.assert_array_equal(train_heads(*given)[0], together)


def test_what_only_the_last_state_shows_is_predicted_there_alone():
    made = run(points(speakers=10))
    one, whole = made.rows
    assert whole.accuracy > 90 > one.accuracy and whole.difference == whole.difference_low == 0
    assert one.difference == pytest.approx(one.accuracy - whole.accuracy)
    assert np.argmax(whole.weights) == 2 and sum(whole.weights) == pytest.approx(1, abs=1e-4)
    assert made.non_inferior(1.0).depth == 2
    assert made.non_inferior(100.0 + one.difference).depth in (1, 2)


def test_a_cut_that_keeps_the_last_layer_norm_is_read_behind_it():
    """Each depth as if it were the whole upstream: the states below as they are, its own behind the LayerNorm."""
    raw, normed = points(speakers=10, strength=(0, 0, 0, 3)), points(speakers=10, strength=(0, 3, 0, 3), seed=1).states
    normed = (*normed[:-1], raw.states[-1])
    kept = dataclasses.replace(raw, normed=normed, final_norm="keep")
    by_family, told = run(kept), run(dataclasses.replace(kept, final_norm="drop"), norm="keep")
    dropped = run(kept, norm="drop")
    assert by_family == told and (by_family.final_norm, dropped.final_norm) == ("keep", "drop")
    assert dropped == dataclasses.replace(run(raw), final_norm="drop") and run(raw, norm="keep") == run(raw)
    assert by_family.rows[0].accuracy > 80 > dropped.rows[0].accuracy
    for depth in (1, 2):
        states = (*raw.states[:depth], normed[depth])
        alone = run(dataclasses.replace(raw, depths=raw.depths[: depth + 1], states=states)).rows[-1]
        assert by_family.rows[depth - 1].accuracy == pytest.approx(alone.accuracy)
        assert by_family.rows[depth - 1].weights == pytest.approx(alone.weights, abs=1e-4)


@pytest.mark.parametrize("margin, depth", [(0.5, 3), (2.0, 2), (5.0, 1)])
def test_non_inferior_needs_the_whole_interval(margin, depth):
    lows = (-4.0, -1.5, 0.0)
    rows = tuple(ScreenRow(k + 1, 80, 70, 90, low + 1, low, low + 2, (1.0,)) for k, low in enumerate(lows))
    made = Screen(KEY, "tiny", "word", "speaker", 5, 5, 1, 0.1, (0,), rows)
    assert made.non_inferior(margin).depth == depth


def test_folds_share_no_group_and_hold_every_point_once():
    kept = points()
    codes, owner = (np.unique(kept.columns[name], return_inverse=True)[1] for name in ("word", "speaker"))
    parts = group_folds(codes, owner, ["no", "yes"], 5)
    assert sorted(np.concatenate(parts)) == list(range(len(codes)))
    assert all(not set(owner[part]) & set(np.delete(owner, part)) for part in parts)


def test_intervals_count_groups():
    """Clusters that agree within themselves: the half width is that of a t-interval over the clusters' means."""
    from scipy import stats

    means = np.array([60.0, 80.0, 90.0, 70.0])
    owner = np.repeat(np.arange(4), 25)
    mean, half = over_groups(means[owner], owner)
    low, high = stats.t.interval(0.95, 3, loc=means.mean(), scale=stats.sem(means))
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_ninety_five_percent_intervals_cover():
    rng, covered = np.random.default_rng(0), 0
    owner = np.repeat(np.arange(10), 12)
    for _ in range(400):
        mean, half = over_groups(rng.normal(0, 2, 10)[owner] + rng.normal(0, 1, 120), owner)
        covered += abs(mean) <= half
    assert 0.90 <= covered / 400 <= 0.98


@pytest.mark.parametrize(
    "change, group, reason",
    [
        ({"speaker": ["one"] * 48}, "speaker", "all points have one speaker"),
        ({"speaker": ["a", "b"] * 24, "word": ["no", "yes"] * 24}, "speaker", "class 'no' has one speaker"),
    ],
)
def test_groups_that_cannot_be_held_out(change, group, reason):
    kept = points()
    with pytest.raises(DataError, match=reason):
        run(dataclasses.replace(kept, columns={**kept.columns, **change}), group)


def test_states_of_several_widths():
    kept = points()
    narrow = (*kept.states[:2], kept.states[2][:, :4])
    with pytest.raises(DataError, match=r"different widths \(\[4, 10\]\) cannot be summed"):
        run(dataclasses.replace(kept, states=narrow))


def test_kept_points_come_back(tmp_path):
    kept = points()
    kept.write(tmp_path / "words.points.npz")
    back = KeptPoints.read(tmp_path / "words.points.npz")
    assert (back.analysis_key, back.depths) == (kept.analysis_key, kept.depths)
    assert {name: list(column) for name, column in back.columns.items()} == kept.columns
    assert all((ours == theirs).all() for ours, theirs in zip(back.states, kept.states, strict=True))
    kept.write(tmp_path / "words.points.npz")  # an older one of ours is replaced
    (tmp_path / "mine.npz").write_bytes(b"precious")
    with pytest.raises(ArtifactError, match="mine.npz"):
        kept.write(tmp_path / "mine.npz")
    for damaged in (b"", b"PK\x03\x04nothing"):
        (tmp_path / "bad.npz").write_bytes(damaged)
        with pytest.raises(ArtifactError, match="is not the kept points of an analysis"):
            KeptPoints.read(tmp_path / "bad.npz")


def test_from_a_corpus_to_a_screen(tmp_path, capsys):
    from s3prl_convexprune.cli import main as cli

    words = tmp_path / "words.json"
    options = {"-u": "tiny_hubert", "--corpus": "demo", "--label": "emotion", "--per-class": "8", "-o": str(words)}
    command = ["analyze", "--keep-points", *(word for option in options.items() for word in option)]
    assert cli.main(command) == 0
    made = KeptPoints.read(points_path(words))
    assert made.depths == tuple(range(13)) and len(made.columns["speaker"]) == len(made.states[0])
    assert cli.main(["screen", str(words), "--steps", "5", "--heads", "1"]) == 0
    assert "a prediction from pooled points, not a run" in capsys.readouterr().out
    kept = Screen.read(tmp_path / "words.screen.json")
    assert [row.depth for row in kept.rows] == list(range(1, 13)) and kept.group == "speaker"
    assert cli.main(["select", str(words), "--policy", "non-inferior", "--margin", "100", "--name", "mine"]) == 0
    said = capsys.readouterr().out
    assert "keep 1 of 12" in said and "predicted accuracy" in said
    dataclasses.replace(kept, final_norm="drop").write(tmp_path / "words.screen.json")
    assert select(words, "non-inferior", margin=100.0, name="mine").config["final_norm"] == "drop"
    for wrong in (["--policy", "non-inferior"], ["--margin", "1"]):
        assert cli.main(["select", str(words), *wrong, "--name", "mine"]) == 2
        assert "--margin" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--group speakr"):
        screen(words, group="speakr")
    points_path(words).unlink()
    with pytest.raises(ArtifactError, match="'analyze --keep-points' leaves them there"):
        screen(words)
