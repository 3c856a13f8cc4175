"""Points of finished batches survive a kill; points made otherwise are not taken over."""

from __future__ import annotations

import numpy as np
import pytest

from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.errors import OutputError


def layers(rows, n=3, dim=4):
    return [np.array(rows, dtype=np.float32)[:, None] + k * np.ones(dim, np.float32) for k in range(n)]


def test_rows_lie_where_they_belong_whatever_the_order_of_batches(tmp_path):
    store = PointStore(tmp_path / "work", "key", 5)
    store.write(1, [4, 0], layers([4, 0]))
    store.write(0, [1, 2, 3], layers([1, 2, 3]))
    assert [store.layer(k)[:, 0].tolist() for k in range(3)] == [[k, 1 + k, 2 + k, 3 + k, 4 + k] for k in range(3)]


def test_a_reopened_store_knows_what_is_finished(tmp_path):
    PointStore(tmp_path / "work", "key", 4, flush_seconds=0).write(7, [0, 1], layers([0, 1]))
    again = PointStore(tmp_path / "work", "key", 4)
    assert again.finished == {7: ()}
    again.write(8, [2, 3], layers([2, 3]))
    assert again.layer(0)[:, 0].tolist() == [0, 1, 2, 3]


def test_a_batch_whose_line_was_cut_short_is_not_finished(tmp_path):
    store = PointStore(tmp_path / "work", "key", 4, flush_seconds=0)
    store.write(12, [0, 1], layers([0, 1]))
    with (tmp_path / "work" / "finished").open("a") as log:
        log.write("1")
    again = PointStore(tmp_path / "work", "key", 4, flush_seconds=0)
    assert again.finished == {12: ()}
    again.write(5, [2, 3], layers([2, 3]))
    assert PointStore(tmp_path / "work", "key", 4).finished == {12: (), 5: ()}


def test_another_key_or_size_starts_afresh(tmp_path):
    PointStore(tmp_path / "work", "key", 4, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "other", 4).finished == {}
    PointStore(tmp_path / "work", "other", 4, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "other", 5).finished == {}


def test_rows_that_have_not_reached_the_disk_are_not_finished(tmp_path):
    store = PointStore(tmp_path / "work", "key", 4, flush_seconds=3600)
    store.write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "key", 4).finished == {}
    store.flush()
    assert PointStore(tmp_path / "work", "key", 4).finished == {0: ()}


@pytest.mark.parametrize(
    "damage",
    [
        lambda work: (work / "layer_000.npy").write_bytes(b""),
        lambda work: (work / "layer_001.npy").write_bytes((work / "layer_001.npy").read_bytes()[:-4]),
        lambda work: (work / "layer_001.npy").unlink(),
        lambda work: (work / "finished").write_bytes(b"0\n\x00\x00\n"),
        lambda work: (work / "plan.json").write_bytes(b""),
    ],
    ids=["an empty array", "a short array", "an array that is gone", "a torn log", "an empty plan"],
)
def test_a_half_made_store_is_made_again(tmp_path, damage):
    PointStore(tmp_path / "work", "key", 2, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    damage(tmp_path / "work")
    store = PointStore(tmp_path / "work", "key", 2, flush_seconds=0)
    assert store.finished == {}
    store.write(0, [1, 0], layers([1, 0]))
    assert [store.layer(k)[:, 0].tolist() for k in range(3)] == [[k, 1 + k] for k in range(3)]


def test_the_room_for_every_array_is_reserved_when_it_is_made(tmp_path):
    store = PointStore(tmp_path / "work", "key", 5000, flush_seconds=0)
    store.write(0, [0], layers([0], dim=100))
    for path in store.layer_paths():
        assert 512 * path.stat().st_blocks >= path.stat().st_size > 4 * 5000 * 100


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(OutputError, match="thesis"):
        PointStore(tmp_path, "key", 2)
    assert (tmp_path / "thesis").read_text() == "mine"


@pytest.mark.parametrize("removed", [(), ("layer_000.npy",), ("finished", "layer_000.npy", "layer_001.npy")])
def test_what_a_killed_removal_left_goes_with_its_own_key_only(tmp_path, removed):
    work = tmp_path / "work"
    PointStore(work, "key", 4, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    for name in removed:
        (work / name).unlink()
    PointStore.remove_finished(work, "other", 4)
    assert (work / "plan.json").is_file()
    PointStore.remove_finished(work, "key", 4)
    assert not work.exists()
    work.mkdir()
    PointStore.remove_finished(work, "key", 4)
    assert not work.exists()
