"""Several processes make the artifact of one, byte for byte; what a dead one leaves is done again, the rest is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s3prl_convexprune import compat
from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.analysis.points import PointStore
from s3prl_convexprune.analysis.shards import Shards
from s3prl_convexprune.analysis.team import Jobs
from s3prl_convexprune.errors import ConfigError, OutputError

compat.apply()

from tests.checkpoints import CASES  # noqa: E402

CASE = CASES["hubert-post"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    lines = ["path,word"]
    for number in range(24):
        wav = 0.1 * rng.standard_normal(60_000 + 3_000 * (number % 7))
        soundfile.write(folder / f"{number}.wav", wav, 16_000)
        lines.append(f"{number}.wav,{'yes' if number % 2 else 'no'}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory):
    return str(CASE.build(tmp_path_factory.mktemp("ckpt")))


@pytest.fixture(scope="module")
def alone(corpus, ckpt, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone") / "analysis.json"
    process([], output, corpus, ckpt)
    return output.read_bytes()


def process(launcher, output, corpus, ckpt, *more, fails=False):
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        *launcher,
        "-m",
        "s3prl_convexprune",
        "analyze",
        "-u",
        CASE.entry,
        "-k",
        ckpt,
        "--corpus",
    ]
    command += [str(corpus), "--label", "word", "--neighbors", "4", "-o", str(output), "--device", "cpu", *more]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr


def torchrun(processes):
    return ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.long)])
def test_torchrun(processes, alone, corpus, ckpt, tmp_path):
    process(torchrun(processes), tmp_path / "analysis.json", corpus, ckpt)
    assert (tmp_path / "analysis.json").read_bytes() == alone
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".png", ".svg"}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["debug", pytest.param("local", marks=pytest.mark.long)])
def test_jobs(launcher, alone, corpus, ckpt, tmp_path):
    process([], tmp_path / "analysis.json", corpus, ckpt, "--launcher", launcher, "--jobs", "2")
    assert (tmp_path / "analysis.json").read_bytes() == alone
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".png", ".svg"}


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="ranks are found in /proc")
def test_a_rank_is_killed_and_the_run_given_again(alone, corpus, ckpt, tmp_path):
    output = tmp_path / "analysis.json"
    command = [sys.executable, *torchrun(2), "-m", "s3prl_convexprune", "analyze", "-u", CASE.entry, "-k", ckpt]
    command += ["--corpus", str(corpus), "--label", "word", "--neighbors", "4", "-o", str(output), "--device", "cpu"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (shards := list(tmp_path.glob("analysis.json.shards/*.npz"))):
        assert started.poll() is None
        time.sleep(0.01)
    ranks = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    os.kill(int(ranks[1]), signal.SIGKILL)
    assert started.wait(120) != 0 and not output.exists() and all(shard.exists() for shard in shards)
    process(torchrun(2), output, corpus, ckpt)
    assert output.read_bytes() == alone


@pytest.mark.slow
def test_ranks_that_disagree(corpus, ckpt, tmp_path):
    script = tmp_path / "other.py"
    script.write_text(
        "import os, sys\n"
        "from s3prl_convexprune.cli.main import main\n"
        "more = ['--per-class', '5'] if os.environ['RANK'] == '1' else []\n"
        "sys.exit(main([*sys.argv[1:], *more]))\n"
    )
    command = [sys.executable, *torchrun(2), str(script), "analyze", "-u", CASE.entry, "-k", ckpt, "--corpus"]
    command += [str(corpus), "--label", "word", "--neighbors", "4", "-o", str(tmp_path / "a.json"), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and "process 1 and process 0 disagree" in done.stderr
    assert not (tmp_path / "a.json").exists()


def fill(shards, done, only=None):
    def run(numbers, shard):
        for number in numbers:
            done.append(number)
            shard.write(
                number, [number], [np.full((1, 3), number + k, np.float32) for k in range(2)], [number] * (number == 2)
            )

    shards.work(run)


def test_a_finished_shard_is_not_done_again_a_dead_ones_is(tmp_path):
    shards, done = Shards(tmp_path / "s", "key", 5), []
    shards.open()
    with pytest.raises(RuntimeError):
        shards.work(lambda numbers, shard: 1 / len(done) if numbers[0] < 0 else (_ for _ in ()).throw(RuntimeError()))
    fill(shards, done)
    assert sorted(done) == [0, 1, 2, 3, 4] and shards.missing() == 0
    (tmp_path / "s" / "0003.npz").unlink()
    Shards(tmp_path / "s", "key", 5).open()
    fill(Shards(tmp_path / "s", "key", 5), done)
    assert done[5:] == [3]
    store = PointStore(tmp_path / "work", "key", 5)
    shards.merge(store)
    assert store.finished == {0: (), 1: (), 2: (2,), 3: (), 4: ()}
    assert [store.layer(k)[:, 0].tolist() for k in range(2)] == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]
    shards.remove()
    assert not (tmp_path / "s").exists()


def test_a_damaged_shard_is_done_again(tmp_path):
    shards, done = Shards(tmp_path / "s", "key", 3), []
    shards.open()
    fill(shards, done)
    whole = (tmp_path / "s" / "0001.npz").read_bytes()
    (tmp_path / "s" / "0001.npz").write_bytes(whole[: len(whole) // 2])
    store = PointStore(tmp_path / "work", "key", 3)
    shards.merge(store)
    assert sorted(store.finished) == [0, 2] and shards.missing() == 1


def test_a_shard_and_a_folder_of_another_run(tmp_path):
    ours, others = Shards(tmp_path / "a", "ours", 2), Shards(tmp_path / "b", "others", 2)
    for shards in (ours, others):
        shards.open()
        fill(shards, [])
    with pytest.raises(ConfigError, match="is of another run"):
        Shards(tmp_path / "a", "others", 2).join()
    (tmp_path / "b" / "0000.npz").replace(tmp_path / "a" / "0000.npz")
    with pytest.raises(OutputError, match="is a shard of another run"):
        ours.merge(PointStore(tmp_path / "work", "ours", 2))


def test_a_folder_that_is_not_ours(tmp_path):
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(OutputError, match="no shards of ours"):
        Shards(tmp_path, "key", 2).open()
    assert (tmp_path / "thesis").read_text() == "mine"


def test_jobs_without_a_place_to_meet(corpus, ckpt):
    with pytest.raises(ConfigError, match="through its output"):
        analyze(CASE.entry, corpus, "word", ckpt=ckpt, jobs=Jobs(2, "debug"))
    with pytest.raises(ConfigError, match="expected one of slurm"):
        Jobs(2, "pbs")


def test_a_locked_shard_is_left_to_its_worker(tmp_path):
    shards, done = Shards(tmp_path / "s", "key", 2), []
    shards.open()
    hold = (
        "import sys, pathlib, s3prl_convexprune.locks as l\n"
        "print(l.FolderLock(pathlib.Path(sys.argv[1])).acquire(), flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / "s" / "0001.lock")]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "True\n"
    fill(shards, done)
    assert done == [0] and shards.missing() == 1
    holder.kill()
    holder.wait()
    fill(shards, done)
    assert done == [0, 1]
