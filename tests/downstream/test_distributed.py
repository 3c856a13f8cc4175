"""torchrun with two processes (gloo, CPU) is the same training as one process on the same effective batch."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import torch

from tests import recipe_corpora

from .conftest import SHORT, SMALL_ASR, override

PROGRAM = Path(__file__).with_name("rounds.py")
UPSTREAM = "hubert_custom_convexpruned_L2"
STEPS = 3
DOWNSTREAM = {"ks": "speech_commands", "sid": "voxceleb1", "er": "emotion", "asr": "asr"}

#: The batch that one process trains on: the whole training set, so that the order of its utterances does not matter.
WHOLE = {"ks": 10, "sid": 4, "er": 12, "asr": 4}

#: Plain gradient descent: its steps are linear in the gradient, where Adam's would magnify the last bits of it.
PLAIN = {
    "config.runner.total_steps": STEPS,
    "config.runner.eval_step": STEPS,
    "config.runner.save_step": STEPS,
    "config.optimizer.torch_optim_name": "'SGD'",
    "config.optimizer.lr": 0.1,
}


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Corpora whose utterances all have one length: what is in a batch must not change what its padding is."""
    root = tmp_path_factory.mktemp("even")
    return {
        **recipe_corpora.ks(root / "ks", words=("yes", "no", "up"), train=3, lengths=(1.0,), noise=1.0),
        **recipe_corpora.sid(root / "sid", speakers=2, clips=2),
        **recipe_corpora.er(root / "er", clips=1),
        **recipe_corpora.asr(root / "asr", utterances=4),
    }


def rounds(folder: Path, hubert: Path, tasks: list[str], processes: int, **more: object) -> Path:
    """Argument lists for `rounds.py`, one a task; each experiment lies in `folder/<task>`."""
    lists = []
    for task in tasks:
        batch = WHOLE[task] // processes
        size = {
            "config.downstream_expert.datarc.batch_size": batch,
            "config.downstream_expert.datarc.train_batch_size": batch,
        }
        text = override(SHORT, PLAIN, size, SMALL_ASR if task == "asr" else {}, more)
        start = ["-m", "train", "-u", UPSTREAM, "-k", str(hubert), "--device", "cpu"]
        lists.append([*start, "-d", DOWNSTREAM[task], "-p", str(folder / task), "-o", text])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rounds.json").write_text(json.dumps(lists))
    return folder / "rounds.json"


def torchrun(installed, folder: Path, environ: dict[str, str], *program: object):
    """Run a program, with its arguments, in two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = ["torchrun", "--nproc_per_node=2", f"--master_port={port}", "--monitor_interval=0.2"]
    return installed.run([*start, *program], folder, environ)


def states(folder: Path, step: int) -> dict:
    return torch.load(folder / f"states-{step}.ckpt", map_location="cpu", weights_only=False)


@pytest.mark.slow
def test_two_processes_train_what_one_does(installed, hubert, environ, tmp_path):
    tasks = list(DOWNSTREAM)
    one = installed.run(["python", PROGRAM, rounds(tmp_path / "one", hubert, tasks, 1)], tmp_path, environ)
    assert one.returncode == 0, one.stderr[-3000:]
    two = torchrun(installed, tmp_path, environ, PROGRAM, rounds(tmp_path / "two", hubert, tasks, 2))
    assert two.returncode == 0, two.stderr[-3000:]
    for task in tasks:
        alone, together = (states(tmp_path / name / task, STEPS) for name in ("one", "two"))
        assert together["WorldSize"] == 2
        for part in ("Featurizer", "Downstream"):
            for name, value in alone[part].items():
                torch.testing.assert_close(together[part][name], value, rtol=1e-5, atol=1e-6, msg=f"{task} {name}")


@pytest.mark.slow
def test_a_dead_process_ends_the_run_and_the_run_resumes(installed, hubert, environ, tmp_path):
    """Killed once the second checkpoint appears, when the first is surely whole; resumed by the unmodified module."""
    endless = {"config.runner.total_steps": 10**6, "config.runner.save_step": 1, "config.runner.max_keep": 10**6}
    file = rounds(tmp_path, hubert, ["er"], 2, **endless)
    died = torchrun(installed, tmp_path, environ, PROGRAM, file, tmp_path / "er" / "states-2.ckpt")
    assert died.returncode != 0
    assert "SIGKILL" in died.stderr

    arguments = ["-m", "train", "-e", tmp_path / "er" / "states-1.ckpt", "--device", "cpu"]
    more = override({"config.runner.total_steps": 3, "config.runner.max_keep": 10**6})
    for checkpoint in (tmp_path / "er").glob("states-[!1]*.ckpt"):
        checkpoint.unlink()
    resumed = torchrun(installed, tmp_path, environ, "-m", "s3prl.run_downstream", *arguments, "-o", more)
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert states(tmp_path / "er", 3)["Step"] == 3
