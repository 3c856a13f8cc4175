"""A run killed with SIGKILL goes on to the numbers of an undisturbed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from speechbrain.utils.checkpoints import METAFNAME

from s3prl_convexprune.resources import PACKAGE
from s3prl_convexprune.speechbrain.checkpointing import AtomicCheckpointer
from s3prl_convexprune.speechbrain.history import TrainingHistory
from s3prl_convexprune.speechbrain.record import Record

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGE.parent)}
EVERY_TWO_STEPS = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 2}


def numbers(record: Record) -> tuple:
    return ([(epoch.train_loss, epoch.valid) for epoch in record.epochs], record.test, record.steps)


def intra_epoch_checkpoints(folder: Path) -> list[Path]:
    return [path for path in folder.glob("save/*/CKPT.yaml") if "end-of-epoch: false" in path.read_text()]


@pytest.mark.slow
def test_kill_in_the_middle_of_an_epoch(train, script, tmp_path):
    settings = {"number_of_epochs": 3, "batch_size": 4, **EVERY_TWO_STEPS}
    undisturbed = train("ks", output_folder=tmp_path / "undisturbed", **settings)
    folder = tmp_path / "killed"
    command = script("ks", output_folder=folder, **settings)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while len(list(folder.glob("save/*/CKPT.yaml"))) < 2 or not intra_epoch_checkpoints(folder):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (folder / "record.json").exists()
    assert numbers(train("ks", output_folder=folder, **settings)) == numbers(undisturbed)


def test_a_finished_run_is_not_trained_again(train, tmp_path):
    first = train("ks", number_of_epochs=2)
    checkpoints = sorted((tmp_path / "run" / "save").glob("CKPT*"))
    again = train("ks", number_of_epochs=2)
    assert numbers(again) == numbers(train("ks", number_of_epochs=2, test_only=True)) == numbers(first)
    assert [epoch.train_seconds for epoch in again.epochs] == [epoch.train_seconds for epoch in first.epochs]
    assert sorted((tmp_path / "run" / "save").glob("CKPT*")) == checkpoints


class Unwritable(torch.nn.Linear):
    """Its state cannot be taken: the process dies, as far as the checkpoint can tell."""

    def state_dict(self, *args, **kwargs):
        raise KeyboardInterrupt


def test_a_checkpoint_counts_only_when_it_is_whole(tmp_path):
    history = TrainingHistory()
    history.finish_epoch(1, train_loss=2.0)
    checkpointer = AtomicCheckpointer(tmp_path, {"history": history})
    whole = checkpointer.save_checkpoint(meta={"error_rate": 3.0})
    history.finish_epoch(2, train_loss=1.0)
    checkpointer.add_recoverable("weights", Unwritable(1, 1))
    with pytest.raises(KeyboardInterrupt):
        checkpointer.save_checkpoint()
    assert len(list(tmp_path.iterdir())) == 2
    assert [found.path for found in checkpointer.list_checkpoints()] == [whole.path]

    resumed = TrainingHistory()
    assert AtomicCheckpointer(tmp_path, {"history": resumed}).recover_if_possible().meta["error_rate"] == 3.0
    assert [epoch["epoch"] for epoch in resumed.epochs] == [1]
    assert [path.name for path in tmp_path.iterdir()] == [whole.path.name]
    assert (whole.path / METAFNAME).exists()


def test_the_best_checkpoint_does_not_shorten_the_history(tmp_path):
    history = TrainingHistory()
    checkpointer = AtomicCheckpointer(tmp_path, {"history": history})
    for epoch in (1, 2, 3):
        with history.under_way:
            sum(range(10_000))
        history.finish_epoch(epoch)
        checkpointer.save_checkpoint(meta={"error_rate": float(epoch)})
    before = json.dumps(history.epochs)
    checkpointer.recover_if_possible(min_key="error_rate")
    assert json.dumps(history.epochs) == before


def test_the_time_of_a_killed_epoch_is_kept(tmp_path):
    history = TrainingHistory()
    checkpointer = AtomicCheckpointer(tmp_path, {"history": history})
    with history.under_way:
        sum(range(100_000))
    spent = history.under_way.wall
    checkpointer.save_checkpoint(end_of_epoch=False)
    resumed = TrainingHistory()
    AtomicCheckpointer(tmp_path, {"history": resumed}).recover_if_possible()
    resumed.finish_epoch(1)
    assert resumed.epochs[0]["train_seconds"]["wall"] == spent > 0


def test_every_step_has_its_own_random_numbers():
    from s3prl_convexprune.speechbrain.brain import seed_step

    drawn = {}
    for place in [(1, 1, 1, 0), (2, 1, 1, 0), (1, 2, 1, 0), (1, 1, 2, 0), (1, 1, 1, 1)]:
        seed_step(*place)
        drawn[place] = torch.rand(1).item()
    assert len(set(drawn.values())) == 5
    seed_step(1, 1, 1, 0)
    assert torch.rand(1).item() == drawn[1, 1, 1, 0]
