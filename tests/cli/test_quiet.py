"""What a terminal shows: bars that move where somebody watches, nothing where nobody does, an error on its own line."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest

from s3prl_convexprune import program, progress
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.progress import progress_bar


class Terminal(io.StringIO):
    """A stderr that says it is a terminal, and when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture
def terminal(monkeypatch):
    """Called in the test itself: pytest puts its own stderr back after the set-up."""

    def watch() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress, "TICK_SECONDS", 0.01)
        return stream

    return watch


def test_bars_are_quiet_where_stderr_is_no_terminal(capsys):
    assert list(progress_bar(range(3), desc="work")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_bar_moves_while_one_step_takes_long(terminal):
    stream = terminal()
    for _ in progress_bar(range(1), desc="work"):
        for _ in range(3):
            stream.written.clear()
            assert stream.written.wait(60), "the bar stood still"
    assert "work" in stream.getvalue()


def test_an_error_stands_on_a_line_of_its_own(terminal):
    def body() -> int:
        for step in progress_bar(range(5), desc="work"):
            if step == 2:
                raise ConfigError("what was wrong")
        return 0

    stream = terminal()
    assert program.run(body) == 2
    *shown, error, end = stream.getvalue().split("\n")
    assert (error, end) == ("s3prl-convexprune: error: what was wrong", "")
    assert any("work" in line for line in shown)


def test_a_caller_who_wants_no_bar_gets_none(terminal):
    stream = terminal()
    assert list(progress_bar(range(3), desc="work", show=False)) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_no_third_party_chatter_from_a_command():
    code = (
        "from s3prl_convexprune import program\n"
        "from s3prl_convexprune.upstreams.registry import build_upstream\n"
        "def body():\n"
        "    build_upstream('tiny_hubert_convexpruned_L2')\n"
        "    return 0\n"
        "raise SystemExit(program.run(body))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
