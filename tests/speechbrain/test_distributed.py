"""torchrun: two processes, one model, each utterance trained on once an epoch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from s3prl_convexprune.resources import PACKAGE

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGE.parent)}


@pytest.mark.slow
def test_two_processes(script, tmp_path):
    command = script("er", number_of_epochs=2, distributed_backend="gloo", max_batch_length=3)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *command[1:]]
    done = subprocess.run(torchrun, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    log = (tmp_path / "run" / "train_log.txt").read_text()
    assert len(record["epochs"]) == 2 and len(re.findall("^epoch: ", log, flags=re.MULTILINE)) == 2
    utterances = sum(1 for _ in (tmp_path / "run" / "manifests" / "train.csv").open()) - 1
    steps = record["epochs"][0]["step"]
    assert 1 < steps < utterances / 2
    assert record["epochs"][1]["train_loss"] < record["epochs"][0]["train_loss"]
