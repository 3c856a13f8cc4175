"""One version's `analyze` in a process of its own, called once for every manifest that stdin names.

    PYTHONPATH=CHECKOUT python benchmarks/analyze_calls.py CHECKOUT UPSTREAM CKPT

It works on whatever version CHECKOUT holds. A call prints its seconds of CPU time, and those in `extract_points`: the
audio through the upstream, without building the model and scoring its layers. CKPT is empty for an upstream that needs
none.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import s3prl_convexprune
from s3prl_convexprune.analysis import hidden_states

extract, spent = hidden_states.extract_points, []


def timed(*args, **options):
    start = time.process_time()
    try:
        return extract(*args, **options)
    finally:
        spent.append(time.process_time() - start)


hidden_states.extract_points = timed  # before the module that imports it by name

from s3prl_convexprune.analysis.analyze import analyze  # noqa: E402


def main() -> None:
    folder, upstream, ckpt = sys.argv[1:]
    if not Path(s3prl_convexprune.__file__).resolve().is_relative_to(Path(folder).resolve()):
        raise SystemExit(f"{s3prl_convexprune.__file__} is not of {folder}")
    for line in sys.stdin:
        start = time.process_time()
        settings = {"device": "cpu", "progress": False, "per_class": 10**6, "neighbors": 2}
        analyze(upstream, line.strip(), "word", ckpt=ckpt or None, **settings)
        print(json.dumps((time.process_time() - start, spent.pop())), flush=True)


if __name__ == "__main__":
    main()
