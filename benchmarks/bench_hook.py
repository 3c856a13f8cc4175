"""What the import hook costs an interpreter that does not use s3prl.

    python -m benchmarks.bench_hook [--rounds 30]

Prints the extra processor time as a share of the interpreter's own, switched on and switched off, in alternating rounds
of one run. The interpreter loads the hook exactly as the installed `.pth` file does, after `os`, which an interpreter
has imported by the time it reads a `.pth` file.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from s3prl_convexprune._plugin import SWITCH

ROOT = Path(__file__).resolve().parent.parent
BARE = "import os"
HOOK = f"{BARE}; from s3prl_convexprune import _plugin as hook; hook.start()"


def start(code: str, switch: str) -> float:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), SWITCH: switch}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-S", "-c", code], env=environ, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    ways = {"bare": (BARE, ""), "hook": (HOOK, ""), "switched off": (HOOK, "1")}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(start(*way))
    bare = statistics.median(times.pop("bare"))
    for name, measured in times.items():
        print(f"{name}: {statistics.median(measured) / bare - 1:+.1%} of a bare interpreter's start")


if __name__ == "__main__":
    main()
