"""A program for the distributed tests: s3prl's `run_downstream` once for every argument list in a JSON file.

Run by python, or by torchrun in several processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from s3prl_convexprune.run_downstream import main


def die_after(checkpoint: str) -> None:
    """Kill this process, without any farewell, once `checkpoint` is there."""

    def wait() -> None:
        while not Path(checkpoint).is_file():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    rounds = json.loads(Path(sys.argv[1]).read_text())
    if os.environ.get("RANK") == "1" and len(sys.argv) > 2:
        die_after(sys.argv[2])
    for number, arguments in enumerate(rounds):
        if number > 0 and "MASTER_PORT" in os.environ:  # torch 2.4 mixes up two groups in one store
            os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"
            os.environ["MASTER_PORT"] = str(int(os.environ["MASTER_PORT"]) + 1)
        if main(arguments) != 0:
            sys.exit(2)
