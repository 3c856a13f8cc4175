"""How a program ends when it is stopped: at the last moment, and where a library makes another error of it."""

from __future__ import annotations

import os
import signal

import pytest

from s3prl_convexprune import program

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_after_the_body_has_ended_is_one_line(monkeypatch, capsys, number, status):
    stop = KeyboardInterrupt if number == signal.SIGINT else program.Terminated
    restore = program.Stops.__exit__

    def late(self, *ended):
        restore(self, *ended)
        raise stop

    monkeypatch.setattr(program.Stops, "__exit__", late)
    assert program.run(lambda: 0) == status
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_that_a_library_swallows_is_still_one_line(capsys, number, status):
    before = signal.getsignal(number)

    def body() -> int:
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            raise TypeError("cannot compare") from None
        return 0

    assert program.run(body) == status
    assert capsys.readouterr().err.count("\n") == 1
    assert signal.getsignal(number) is before


def test_an_error_without_a_signal_stays_an_error():
    def body() -> int:
        raise TypeError("of its own")

    with pytest.raises(TypeError, match="of its own"):
        program.run(body)
