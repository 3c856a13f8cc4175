"""Killed at random moments, a command goes on to the files of an undisturbed run and leaves nothing else behind.

A few kills a verb here; ``pytest -m long tests/campaign`` for many.
"""

from __future__ import annotations

import random
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from .forkserver import Ended, ForkServer

EARLIEST = 0.05  # seconds; before, there is no program yet to receive a signal
KILLS = {
    signal.SIGKILL: (-signal.SIGKILL, ""),
    signal.SIGTERM: (143, "s3prl-convexprune: terminated; finished work is kept"),
    signal.SIGINT: (130, "s3prl-convexprune: interrupted; finished work is kept"),
}


@dataclass(frozen=True)
class Command:
    """A command that works for a while.

    Attributes:
        words: what is typed; ``@name`` is a file of the material.
        kills: how many of each signal, in the suite and in the long run.
        compared: the files whose bytes an undisturbed run decides.
    """

    words: str
    kills: tuple[int, int]
    compared: tuple[str, ...]


COMMANDS = {
    "analyze": Command(
        "analyze -u tiny_hubert --corpus demo --label emotion --per-class 6 --device cpu -o out.json",
        kills=(2, 40),
        compared=("out.json", "out.png", "out.svg"),
    ),
    "export": Command(
        "export hubert_custom_convexpruned_L2 -k @hubert.pt -o out.pt", kills=(2, 40), compared=("out.pt",)
    ),
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_few_kills(verb: str, server: ForkServer, tmp_path: Path) -> None:
    disturb(COMMANDS[verb], COMMANDS[verb].kills[0], server, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("verb", COMMANDS)
def test_many_kills(verb: str, server: ForkServer, tmp_path: Path) -> None:
    disturb(COMMANDS[verb], COMMANDS[verb].kills[1], server, tmp_path)


def disturb(command: Command, kills: int, server: ForkServer, tmp_path: Path) -> None:
    """Hold a run that is killed `kills` times by each signal against an undisturbed one."""
    words = [word.replace("@", f"{server.folder}/material/") for word in command.words.split()]

    def run(folder: Path, *signals: tuple[float, int]) -> Ended:
        folder.mkdir(exist_ok=True)
        (folder / "tmp").mkdir(exist_ok=True)
        environ = {"TMPDIR": str(folder / "tmp")}
        return server.run(["s3prl-convexprune", *words], folder, environ, signals=signals)

    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    whole = run(undisturbed)
    assert whole.status == 0 and not whole.orphans, whole
    moments = random.Random(0)
    killed = 0
    for number in kills * list(KILLS):
        ended = run(disturbed, (moments.uniform(EARLIEST, whole.seconds), number))
        assert not ended.orphans, f"{number!r}: left running: {ended.orphans}"
        if ended.status == 0 or "exists already" in ended.stderr:  # it was done before
            check_equal(command, undisturbed, disturbed)
            shutil.rmtree(disturbed)
            continue
        killed += 1
        status, said = KILLS[number]
        assert ended.status == status, ended.stderr
        assert "Traceback" not in ended.stderr, ended.stderr
        if said:
            line = ended.stderr.strip().splitlines()[-1]
            assert line.startswith(said), ended.stderr
            assert not list((disturbed / "tmp").iterdir())
    assert killed, "no signal came in time"
    last = run(disturbed)
    assert last.status == 0 or "exists already" in last.stderr, last
    check_equal(command, undisturbed, disturbed)


def check_equal(command: Command, undisturbed: Path, disturbed: Path) -> None:
    """The same files are there, and those that are compared hold the same bytes."""
    assert names(disturbed) == names(undisturbed)
    for name in command.compared:
        assert (disturbed / name).read_bytes() == (undisturbed / name).read_bytes(), name


def names(root: Path) -> set[str]:
    """Everything below a folder, what is left in its temporary folder apart."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if "tmp" not in path.parts}
