"""What a frozen grid costs on one pass for every depth and rate, against each cell alone.

    python -m benchmarks.bench_grid [--tasks ks sid er asr] [--rates 1 3 5] [--steps 2] [--embedded ks sid er]

A Base-size HuBERT with random weights, 12 depths x 3 rates (ASR: 3 depths x 2), on noise; no download. A grid runs in
a process of its own, on one thread, and what counts is its processor time, so that other work on the machine matters
little: `steps` is the training steps with one look at dev, `cells` everything from an empty folder to the test score.
A rate costs what another costs, so alone one rate is run and counted as often as there are rates. `--rates` shows how
the ratio grows with the cells. The last table is the embedded model and corpus, every cell run both ways.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

DEPTHS = tuple(range(1, 13))
DATA = "config.downstream_expert.datarc"
#: task -> seconds of an utterance, settings that make a step short; heads, optimisers and losses are the recipe's
SETTINGS = {
    "ks": (1.0, {f"{DATA}.batch_size": 8}),
    "sid": (4.0, {f"{DATA}.train_batch_size": 2, "config.runner.gradient_accumulate_steps": 1}),
    "er": (4.0, {f"{DATA}.train_batch_size": 2, "config.runner.gradient_accumulate_steps": 1}),
    "asr": (4.0, {f"{DATA}.train_batch_size": 2, f"{DATA}.batch_size": 2}),
}
GOALS = {"ks": 12, "sid": 12, "er": 16}


def corpus(task: str, root: Path) -> None:
    """A small corpus of noise in the recipe's layout, its folders in the environment."""
    from tests.recipe_corpora import BUILDERS

    seconds, _ = SETTINGS[task]
    more: dict[str, Any] = {"ks": {"train": 8, "noise": 2.0}, "er": {"clips": 1}}.get(task, {})
    os.environ.update(BUILDERS[task](root / task, lengths=(seconds,), **more))
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")


def run(options: dict[str, Any]) -> dict[str, float]:
    """Run one grid in this process: its processor seconds, in all and in training, and its peak memory."""
    import torch

    from s3prl_convexprune.experiments.cells.worker import work
    from s3prl_convexprune.experiments.frozen import session
    from s3prl_convexprune.experiments.frozen.experiment import run_cell
    from s3prl_convexprune.experiments.frozen.planning import make_plan
    from s3prl_convexprune.memory import peak_memory

    torch.set_num_threads(1)
    plan = make_plan(
        options["upstreams"],
        [options["task"]],
        options["expdir"],
        lrs=options["lrs"],
        seeds=[1],
        folds=["fold1"] if options["task"] == "er" else [],
        overrides={options["task"]: [f"{key}={value!r}" for key, value in options["settings"].items()]},
        ckpt=options["ckpt"],
        device="cpu",
        together=options["together"],
    )
    marks: list[list[float]] = []
    iterate = session.Stream.__iter__

    def noted(self: session.Stream) -> Iterator[Any]:
        for batch in iterate(self):
            marks[-1].append(time.process_time())
            yield batch

    session.Stream.__iter__ = noted  # type: ignore[method-assign]
    failed = []

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "start" and (plan.together == 1 or not marks):
            marks.append([])
        if event["event"] == "failed" and "no checkpoint ever beat" not in event["reason"]:
            failed.append(event["reason"])

    before = time.process_time()
    work(plan, report, run_cell)
    if failed:
        raise SystemExit(f"{len(failed)} cells failed: {failed[0]}")
    steps = sum(times[-1] - times[0] for times in marks)
    return {"cells": time.process_time() - before, "steps": steps, "peak": float(peak_memory())}


def measure(**options: Any) -> dict[str, float]:
    """`run` in a process of its own."""
    environment = {"OMP_NUM_THREADS": "1", "TQDM_MININTERVAL": "30", "MALLOC_ARENA_MAX": "2", **os.environ}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        text = json.dumps({"ckpt": None, **options, "expdir": f"{folder}/grid"})
        command = [sys.executable, "-m", "benchmarks.bench_grid", "--one", text]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def base_size(task: str, rates: Sequence[int], steps: int, ckpt: str) -> None:
    depths = DEPTHS if task != "asr" else (4, 8, 12)
    upstreams = [f"hubert_custom_convexpruned_L{depth}" for depth in depths]
    _, settings = SETTINGS[task]
    runner = {"total_steps": steps, "eval_step": steps, "log_step": steps, "save_step": 10**6}
    dev = ["dev-clean"] if task == "asr" else ["dev"]
    settings = {
        **settings,
        **{f"config.runner.{key}": value for key, value in runner.items()},
        "config.runner.eval_dataloaders": dev,
        f"{DATA}.num_workers": 0,
    }
    given: dict[str, Any] = {"task": task, "upstreams": upstreams, "settings": settings, "ckpt": ckpt}
    alone = measure(**given, lrs=[1e-3], together=1)
    peaks = {}
    for count in rates:
        lrs = [1e-3 / (1 + rate) for rate in range(count)]
        both = measure(**given, lrs=lrs, together=None)
        cells = count * len(depths)
        peaks[cells] = both["peak"]
        goal = f" (goal {GOALS[task]})" if count == 3 and task in GOALS else ""
        ratios = [f"{count * alone[part] / both[part]:.1f}" for part in ("steps", "cells")]
        row = [task, f"{len(depths)} x {count}", ratios[0] + goal, ratios[1]]
        seconds = [f"{count * alone['cells']:.0f}", f"{both['cells']:.0f}", f"{both['peak'] / 1e9:.2f}"]
        print("| " + " | ".join(row + seconds) + " |", flush=True)
    if len(peaks) > 1:
        few, many = min(peaks), max(peaks)
        added = (peaks[many] - peaks[few]) / (many - few)
        print(f"| {task} | memory an added cell: {added / 1e6:.0f} MB | | | | | |", flush=True)


def embedded(tasks: Sequence[str], steps: int, root: Path) -> None:
    """The tiny model and the embedded corpus, as the demo lays it out."""
    from s3prl_convexprune.corpora.demo import lay_out
    from s3prl_convexprune.tasks.recipes import stated_paths
    from s3prl_convexprune.tasks.table import get_task

    upstreams = [f"tiny_hubert_convexpruned_L{depth}" for depth in DEPTHS[:-1]] + ["tiny_hubert"]
    for task in tasks:
        batches = ("batch_size",) if task == "ks" else ("train_batch_size", "eval_batch_size")
        runner = {"total_steps": steps, "eval_step": steps, "log_step": steps, "save_step": steps}
        settings = {
            **stated_paths(get_task(task).downstream.name, lay_out(root / "embedded" / task, task).variables),
            **{f"config.runner.{key}": value for key, value in runner.items()},
            "config.runner.gradient_accumulate_steps": 1,
            "config.runner.eval_dataloaders": ["dev"],
            **{f"{DATA}.{key}": 16 for key in batches},
            f"{DATA}.num_workers": 0,
        }
        given = {"task": task, "upstreams": upstreams, "settings": settings, "lrs": [3e-3, 1e-3, 3e-4]}
        alone, both = (measure(**given, together=together) for together in (1, None))
        ratios = [f"{alone[part] / both[part]:.1f}" for part in ("steps", "cells")]
        seconds = [f"{alone['cells']:.0f}", f"{both['cells']:.0f}", f"{both['peak'] / 1e9:.2f}"]
        print("| " + " | ".join([f"{task}, embedded", "12 x 3", *ratios, *seconds]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=["ks", "sid", "er", "asr"], choices=SETTINGS)
    parser.add_argument("--rates", type=int, nargs="+", default=[1, 3, 5], help="of KS; other tasks take 3")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--embedded", nargs="*", default=list(GOALS), choices=GOALS, help="on that corpus")
    parser.add_argument("--embedded-steps", type=int, default=30)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(run(json.loads(args.one))))
        return
    from benchmarks.hubert_sizes import write_checkpoint

    print("| grid | depths x rates | steps | cells | CPU s alone | together | peak GB |")
    print("|-|-|-:|-:|-:|-:|-:|", flush=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        root = Path(folder)
        embedded(args.embedded, args.embedded_steps, root)
        ckpt = str(write_checkpoint("base", 12, root)) if args.tasks else ""
        for task in args.tasks:
            corpus(task, root)
            rates = {"ks": args.rates, "asr": [2]}.get(task, [3])
            base_size(task, rates, args.steps, ckpt)


if __name__ == "__main__":
    main()
