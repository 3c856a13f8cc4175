"""Points of finished batches survive a kill; points made otherwise are not taken over."""

from __future__ import annotations

import numpy as np

from s3prl_convexprune.analysis.points import PointStore


def layers(rows, n=3, dim=4):
    return [np.array(rows, dtype=np.float32)[:, None] + k * np.ones(dim, np.float32) for k in range(n)]


def test_rows_lie_where_they_belong_whatever_the_order_of_batches(tmp_path):
    store = PointStore(tmp_path / "work", "key", 5)
    store.write(1, [4, 0], layers([4, 0]))
    store.write(0, [1, 2, 3], layers([1, 2, 3]))
    assert [store.layer(k)[:, 0].tolist() for k in range(3)] == [
        [k, 1 + k, 2 + k, 3 + k, 4 + k] for k in range(3)
    ]


def test_a_reopened_store_knows_what_is_finished(tmp_path):
    PointStore(tmp_path / "work", "key", 4, flush_seconds=0).write(7, [0, 1], layers([0, 1]))
    again = PointStore(tmp_path / "work", "key", 4)
    assert again.finished == {7}
    again.write(8, [2, 3], layers([2, 3]))
    assert again.layer(0)[:, 0].tolist() == [0, 1, 2, 3]


def test_a_batch_whose_line_was_cut_short_is_not_finished(tmp_path):
    store = PointStore(tmp_path / "work", "key", 4, flush_seconds=0)
    store.write(12, [0, 1], layers([0, 1]))
    with (tmp_path / "work" / "finished").open("a") as log:
        log.write("1")
    assert store.finished == {12}


def test_another_key_or_size_starts_afresh(tmp_path):
    PointStore(tmp_path / "work", "key", 4, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "other", 4).finished == set()
    PointStore(tmp_path / "work", "other", 4, flush_seconds=0).write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "other", 5).finished == set()


def test_rows_that_have_not_reached_the_disk_are_not_finished(tmp_path):
    store = PointStore(tmp_path / "work", "key", 4, flush_seconds=3600)
    store.write(0, [0, 1], layers([0, 1]))
    assert PointStore(tmp_path / "work", "key", 4).finished == set()
    store.flush()
    assert PointStore(tmp_path / "work", "key", 4).finished == {0}
