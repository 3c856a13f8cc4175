"""A function as the whole of a program: in a fork, with limits, signals on time, and what it left running told."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

CPU_SECONDS = 60  # of one command
WALL_SECONDS = 600.0  # likewise, for what waits for ever; far more than a loaded machine needs for the CPU time
GRACE_SECONDS = 20.0  # for a command's children to end after it
GROWTH = 3 << 30  # bytes of memory a command may take beyond what the imports took
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def in_a_fork(
    body: Callable[[int], object], unprivileged: bool = False, signals: Sequence[tuple[float, int]] = ()
) -> dict[str, Any]:
    """Run a function in a fork, as the whole of a program, and say how it ended; signals count from its readiness."""
    is_ready, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_a_program(lambda: body(ready), unprivileged)
    os.close(ready)
    os.read(is_ready, 1)  # until the last copy of `ready` is closed
    os.close(is_ready)
    started = time.monotonic()
    to_send = sorted(signals)
    ended = 0
    while not ended:
        ended, wait_status = os.waitpid(pid, os.WNOHANG)
        seconds = time.monotonic() - started
        if not ended and to_send and seconds >= to_send[0][0]:
            number = to_send.pop(0)[1]
            (os.killpg if number == signal.SIGINT else os.kill)(pid, number)
        if not ended and seconds > WALL_SECONDS:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.005)
    deadline = time.monotonic() + GRACE_SECONDS
    while (orphans := _processes_of(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return {"status": os.waitstatus_to_exitcode(wait_status), "orphans": orphans, "seconds": seconds}


def _be_a_program(body: Callable[[], object], unprivileged: bool) -> NoReturn:
    status = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + GROWTH,) * 2)
        if unprivileged and os.getuid() == 0:
            _drop_capabilities()
        body()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status & 0xFF)


def _processes_of(session: int) -> list[str]:
    """The command lines of the processes of a session that are still running."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, its_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def _drop_capabilities() -> None:
    """Leave root the owner of its files without its power over their modes."""
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
