"""A process that has imported torch and s3prl once and forks for every command, so that a row costs no import.

This is the caller's side; `serving` is the process itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3prl_convexprune.convexity.kernels import user_folder


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
            [sys.executable, "-m", "tests.campaign.serving", str(folder)],
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
