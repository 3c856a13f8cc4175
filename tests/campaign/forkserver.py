"""A process that has imported torch and s3prl once and forks for every command, so that a row costs no import.

``python -m tests.campaign.forkserver FOLDER`` makes the shared material in a folder and then takes one JSON request a
line on stdin. The server itself never touches s3prl's hub with our names on it, keeps no bar and no
thread, so every fork begins as the console script of a fresh interpreter does.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tqdm.std import TqdmDefaultWriteLock, tqdm

from s3prl_convexprune.convexity.kernels import user_folder

CPU_SECONDS = 60  # of one command
WALL_SECONDS = 90.0  # likewise, on a machine with much else to do
GRACE_SECONDS = 20.0  # for a command's children to end after it
GROWTH = 3 << 30  # bytes of memory a command may take beyond what the imports took
LINUX_CAPABILITY_VERSION_3 = 0x20080522
THIRD_PARTY = ("torch", "torchaudio", "soundfile", "matplotlib.pyplot", "sklearn.linear_model", "transformers")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit status; negative, the signal that killed it.
        orphans: the command lines of processes that it left running.
        seconds: how long it ran.
    """

    status: int
    stdout: str
    stderr: str
    orphans: list[str]
    seconds: float


class ForkServer:
    """The server as its callers see it: a context manager; `run` runs one command.

    Args:
        folder: where the material goes, and the home folder of every command.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environ = {key: value for key, value in os.environ.items() if not key.startswith("S3PRL_CONVEXPRUNE")}
        environ |= {"S3PRL_CONVEXPRUNE_NO_HOOK": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environ |= {"MPLBACKEND": "agg", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        environ.setdefault("NUMBA_CACHE_DIR", str(user_folder()))  # not in the home that is made for the commands
        environ |= {"HOME": str(folder / "home"), "TMPDIR": str(folder)}
        environ.pop("XDG_CONFIG_HOME", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=Path(__file__).parents[2],
        )
        assert self._receive() == "ready"

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str | None] | None = None,
        unprivileged: bool = False,
        signals: Sequence[tuple[float, int]] = (),
    ) -> Ended:
        """Run a console script (its name is the first word) in a folder.

        Args:
            signals: (seconds after the start, signal) to send; SIGINT goes to its children too, as from a terminal.
        """
        request = {
            "argv": list(argv),
            "cwd": str(cwd),
            "environ": dict(environ or {}),
            "unprivileged": unprivileged,
            "signals": list(signals),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**self._receive())

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fork server ended with status {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(folder: Path) -> None:
    """Import everything, make the material, then fork for every request until stdin ends."""
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    (folder / "home").mkdir(exist_ok=True)
    _import_everything()
    from .material import make

    if _in_a_fork(lambda ready: make(folder / "material"))["status"] != 0:
        sys.exit("the material of the campaign could not be made")
    gc.collect()
    gc.freeze()
    print(json.dumps("ready"), file=replies, flush=True)
    for line in requests:
        print(json.dumps(_answer(json.loads(line), folder)), file=replies, flush=True)


def _import_everything() -> None:
    from s3prl_convexprune import compat

    compat.apply()
    for name in (*THIRD_PARTY, "s3prl.hub", "s3prl.run_downstream", "s3prl.upstream.hf_hubert.expert"):
        importlib.import_module(name)
    import s3prl_convexprune
    from s3prl_convexprune.convexity import compile_kernels

    for module in pkgutil.walk_packages(s3prl_convexprune.__path__, "s3prl_convexprune."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module.name)
    compile_kernels()
    _forget_bars()


def _forget_bars() -> None:
    """Let every fork make tqdm's lock and monitor anew; compiling draws bars, if hidden ones.

    A fork would have the lock for ever that the monitor's thread held at that moment, and all forks would wait for
    the semaphore that one held as it was killed.
    """
    if tqdm.monitor is not None:
        tqdm.monitor.exit()
        tqdm.monitor = None
    del tqdm._lock, TqdmDefaultWriteLock.mp_lock
    assert threading.active_count() == 1, threading.enumerate()


def _answer(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    printed = [folder / "stdout", folder / "stderr"]
    for path in printed:
        path.write_bytes(b"")
    ended = _in_a_fork(lambda ready: _become(request, printed, ready), request["unprivileged"], request["signals"])
    stdout, stderr = (path.read_bytes().decode(errors="replace") for path in printed)
    return {**ended, "stdout": stdout, "stderr": stderr}


def _become(request: dict[str, Any], printed: Sequence[Path], ready: int) -> None:
    """Turn this fork into the console script; `ready` is closed when that begins."""
    for descriptor, path in zip((1, 2), printed, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), descriptor)
    os.chdir(request["cwd"])
    os.environ.pop("S3PRL_CONVEXPRUNE_NO_HOOK")
    for key, value in request["environ"].items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value
    tempfile.tempdir = None
    script = Path(sys.executable).with_name(request["argv"][0])
    sys.argv = [str(script), *request["argv"][1:]]
    from s3prl_convexprune import _plugin

    _plugin.start()  # what the .pth file does at the start of an interpreter
    os.close(ready)
    runpy.run_path(str(script), run_name="__main__")


def _in_a_fork(
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


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except Exception:
        traceback.print_exc()
        sys.exit(1)
