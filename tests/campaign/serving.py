"""The process behind `forkserver.ForkServer`: one JSON request a line on stdin, one answer a line on stdout.

``python -m tests.campaign.serving FOLDER`` makes the shared material in a folder first. It never touches s3prl's hub
with our names on it, keeps no bar and no thread, so every fork begins as the console script of a fresh interpreter
does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm.std import TqdmDefaultWriteLock, tqdm

from .forks import in_a_fork

THIRD_PARTY = ("torch", "torchaudio", "soundfile", "matplotlib.pyplot", "sklearn.linear_model", "transformers")


def serve(folder: Path) -> None:
    """Import everything, make the material, then fork for every request until stdin ends."""
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    (folder / "home").mkdir(exist_ok=True)
    _import_everything()
    from .material import make

    if in_a_fork(lambda ready: make(folder / "material"))["status"] != 0:
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
    ended = in_a_fork(lambda ready: _become(request, printed, ready), request["unprivileged"], request["signals"])
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


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]))
    except Exception:
        traceback.print_exc()
        sys.exit(1)
