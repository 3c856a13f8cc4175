"""How a program ends when it is stopped at the last moment."""

from __future__ import annotations

import pytest

from s3prl_convexprune import program


@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt, 130), (program.Terminated, 143)])
def test_a_signal_after_the_body_has_ended_is_one_line(monkeypatch, capsys, stop, status):
    def restored(handler):
        if handler is program._terminate:
            return "before"
        raise stop

    monkeypatch.setattr(program, "_on_sigterm", restored)
    assert program.run(lambda: 0) == status
    assert capsys.readouterr().err.count("\n") == 1
