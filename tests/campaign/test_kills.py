"""Killed at random moments, a command goes on to the files of an undisturbed run and leaves nothing else behind.

A few kills a verb here; ``pytest -m long tests/campaign`` for many, and for the demo.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
from pathlib import Path

import pytest

from .commands import COMMANDS, Command
from .forkserver import ForkServer

EARLIEST = 0.05  # seconds; before, there is no program yet to receive a signal
MORE = 4  # further rounds for a command that ends before every signal
KILLS = {
    signal.SIGKILL: (-signal.SIGKILL, ""),
    signal.SIGTERM: (143, "s3prl-convexprune: terminated; finished work is kept"),
    signal.SIGINT: (130, "s3prl-convexprune: interrupted; finished work is kept"),
}


@pytest.mark.parametrize("verb", [verb for verb, command in COMMANDS.items() if command.kills[0]])
def test_a_few_kills(verb: str, server: ForkServer, tmp_path: Path) -> None:
    disturb(COMMANDS[verb], COMMANDS[verb].kills[0], server, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("verb", COMMANDS)
def test_many_kills(verb: str, server: ForkServer, tmp_path: Path) -> None:
    disturb(COMMANDS[verb], COMMANDS[verb].kills[1], server, tmp_path)


def disturb(command: Command, kills: int, server: ForkServer, tmp_path: Path) -> None:
    """Hold a run that is killed `kills` times by each signal against an undisturbed one."""
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    whole = command.run(server, undisturbed)
    assert whole.status == 0 and not whole.orphans, whole.stderr
    moments = random.Random(0)
    killed, longest = 0, whole.seconds
    for round_, number in enumerate([*KILLS] * (kills + MORE)):
        if killed and round_ >= kills * len(KILLS):
            break
        earliest = min(EARLIEST, longest / 4)
        ended = command.run(server, disturbed, (moments.uniform(earliest, longest), number))
        assert not ended.orphans, f"{number!r}: left running: {ended.orphans}"
        if ended.status == 0:  # it was done before
            command.check(undisturbed, disturbed)
            shutil.rmtree(disturbed)
            longest *= 0.7  # the first run was the slowest
            continue
        killed += 1
        status, said = KILLS[number]
        assert ended.status in (status, -number), ended.stderr  # by the signal itself before the script and after it
        assert "Traceback" not in ended.stderr, ended.stderr
        if said and ended.status == status:
            assert ended.stderr.strip().splitlines()[-1].startswith(said), ended.stderr
            # torch before 2.6 makes a folder tmp... while it is imported; Python tries a folder with a file of
            # eight letters; ours begin with our name
            left = [path.name for path in disturbed.with_suffix(".tmp").iterdir()]
            assert all(re.fullmatch(r"tmp.*|[a-z0-9_]{8}", name) for name in left), left
    assert killed, "no signal came in time"
    last = command.run(server, disturbed)
    assert last.status == 0, last.stderr
    command.check(undisturbed, disturbed)
