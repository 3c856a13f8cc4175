"""How the console scripts end: an exit status, and one line for people where something was wrong."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from .atomic import named_refusal
from .compat.quiet import hush
from .errors import ConvexPruneError
from .progress import close_bars, talk

#: Set for a program that is run by another one of ours, through a pipe: see `end_with_stdin`.
END_WITH_STDIN = "S3PRL_CONVEXPRUNE_END_WITH_STDIN"
LONGEST = 600  # characters of a line for people
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM, ended like Ctrl-C: what is being written is cleaned up, what is finished is kept."""


def run(body: Callable[[], int]) -> int:
    """Run the body of a console script.

    Args:
        body: does the work and returns its exit status.

    Returns:
        The body's status, 2 after bad input or a file that the system refuses, 130 after Ctrl-C, 143 after SIGTERM. The
        one-line reason goes to stderr.
    """
    hush()
    talk()
    try:
        with Stops():
            return _status(body)
    except KeyboardInterrupt as stop:  # one that comes right at the end too
        what, status = ("terminated", TERMINATED) if isinstance(stop, Terminated) else ("interrupted", INTERRUPTED)
        return _say(f"{what}; finished work is kept, the same command goes on from there", status)


class Stops:
    """While this is open, SIGTERM and Ctrl-C are exceptions, and stay that.

    The handler may run inside C code that calls Python and answers any exception with one of its own: numpy's
    comparison of structured arrays makes a TypeError of it. An error after a signal is therefore the signal's.
    """

    def __init__(self) -> None:
        self._came: type[KeyboardInterrupt] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if before in (None, signal.SIG_IGN):  # not ours to set: ignored by a parent
                continue
            with suppress(ValueError):  # in a thread
                signal.signal(number, self._stop)
                self._before[number] = before

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self._came is not None and isinstance(error, Exception):
            raise self._came from None

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._came = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        raise self._came


def _status(body: Callable[[], int]) -> int:
    try:
        status = body()
        sys.stdout.flush()
        return status
    except ConvexPruneError as error:
        return _say(f"error: {error}", 2)
    except BrokenPipeError:  # the reader of a pipe has seen enough; Python would complain again while it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        reason = named_refusal(error)
        if reason is None:
            raise
        return _say(f"error: {reason}", 2)


def _say(text: str, status: int) -> int:
    """Print one line, its middle left out where something absurdly long stands in it."""
    close_bars()
    line = " ".join(text.split("\n"))
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} [...] {line[-LONGEST // 2 :]}"
    print(f"s3prl-convexprune: {line}", file=sys.stderr)
    return status


def end_with_stdin() -> None:
    """End this process when its stdin does: with the process that started it, however that one ended."""
    threading.Thread(target=_watch_stdin, daemon=True).start()


def _watch_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
