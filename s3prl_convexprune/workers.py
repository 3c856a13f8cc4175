"""Processes of ours that work for this one: one line goes in, JSON comes out line by line, Ctrl-C passes them by.

Their side calls `program.end_with_stdin`, so none outlives the process that started it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def children_spared() -> Iterator[None]:
    """Processes started in this context do not hear Ctrl-C; the one that starts them does, and ends them.

    A terminal sends it to all of them at once, also to one that is still importing and would answer with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which children inherit, programs too
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker(
    module: str, line: str, hear: Callable[[Any], None], words: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a module of ours as a worker, give it its work, and pass on what it says.

    Args:
        module: what ``python -m`` runs.
        line: its work, one line of text on its stdin, which stays open.
        hear: called from another thread with each JSON value that it prints on a line, and with None at its end; how it
            ended is its exit status's to say.
        words: its arguments.
        env: its environment; this process's when None.
    """
    with children_spared():
        worker = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
    threading.Thread(target=_converse, args=(worker, line, hear), daemon=True).start()
    return worker


def _converse(worker: subprocess.Popen[str], line: str, hear: Callable[[Any], None]) -> None:
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(line + "\n")
        worker.stdin.flush()
        for said in worker.stdout:
            hear(json.loads(said))
    except (BrokenPipeError, ValueError):
        pass  # it is dead
    hear(None)
