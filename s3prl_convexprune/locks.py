"""One worker at a time in an experiment folder, on one machine or on a shared file system, without a coordinator.

The lock is the kernel's (`fcntl.lockf`): it disappears with the process that held it, `kill -9` included, so a lock
left by a dead worker is never mistaken for a live one and two workers cannot both break a stale one. Some cluster
mounts keep such locks to one machine; therefore the file also carries its owner and a heartbeat, and an owner on
another machine whose heartbeat is fresh keeps the folder.

filelock, which s3prl brings, is as free after a kill, but where a mount keeps kernel locks to one machine it would let
two machines in, and it cannot say who is inside. Owner and heartbeat are most of this file and would stay beside it, so
the lock stays ours.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

HEARTBEAT_SECONDS = 30.0
STALE_SECONDS = 300.0


class FolderLock:
    """Exclusive use of one folder; a context manager that says whether it got it.

    POSIX record locks belong to a process, not to a thread: use one lock a folder and a process at a time.

    Args:
        path: the lock file; created when missing, never deleted (deleting one invites a race).
        heartbeat: seconds between two signs of life, for workers on other machines.
        stale_after: seconds of silence after which an owner on another machine counts as dead.

    >>> import tempfile
    >>> with FolderLock(Path(tempfile.mkdtemp()) / "lock") as lock:
    ...     lock.held
    True
    """

    def __init__(self, path: Path, heartbeat: float = HEARTBEAT_SECONDS, stale_after: float = STALE_SECONDS) -> None:
        self.path = Path(path)
        self.heartbeat = heartbeat
        self.stale_after = stale_after
        self.held = False
        self._descriptor: int | None = None
        self._stop = threading.Event()
        self._pulse: threading.Thread | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody alive has it; never waits."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        if self._owner_elsewhere_is_alive(descriptor):
            os.close(descriptor)
            return False
        owner = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
        self._descriptor, self.held = descriptor, True
        self._stop.clear()
        self._pulse = threading.Thread(target=self._beat, args=(descriptor,), daemon=True)
        self._pulse.start()
        return True

    def release(self) -> None:
        """Give the folder back; harmless when it is not held."""
        if self._descriptor is None:
            return
        self._stop.set()
        if self._pulse is not None:
            self._pulse.join()
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor, self.held = None, False

    def _owner_elsewhere_is_alive(self, descriptor: int) -> bool:
        content = os.pread(descriptor, 4096, 0)
        try:
            host = json.loads(content)["host"]
        except (ValueError, KeyError, TypeError):
            return False
        silent_for = time.time() - os.fstat(descriptor).st_mtime
        return bool(host != socket.gethostname() and silent_for < self.stale_after)

    def _beat(self, descriptor: int) -> None:
        while not self._stop.wait(self.heartbeat):
            os.utime(descriptor)

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def owner_of(path: Path) -> str:
    """Who holds or last held a lock file, for messages: ``"host, process 123"`` or ``"nobody"``."""
    try:
        owner = json.loads(Path(path).read_text())
        return f"{owner['host']}, process {owner['pid']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "nobody"
