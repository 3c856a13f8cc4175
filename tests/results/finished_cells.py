"""Experiment folders as s3prl leaves them, with chosen predictions: what the readers of results are tested on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from s3prl_convexprune.results.cell import Cell
from s3prl_convexprune.results.predictions import read_predictions
from s3prl_convexprune.results.provenance import Depth, Provenance
from s3prl_convexprune.results.result import Cost, Epoch, How, Memory, Reduced, Result, Seconds
from s3prl_convexprune.tasks.table import TASKS
from s3prl_convexprune.upstreams.profile import Machine, Profile, Timing

CLASSES = ("yes", "no", "up", "down")


def right_answers(count: int, share: float, seed: int) -> list[bool]:
    """A random `share` of `count` utterances is right."""
    return (np.random.default_rng(seed).permutation(count) < round(share * count)).tolist()


def write_outputs(
    folder: Path,
    task_name: str,
    right: Sequence[bool],
    fold: str | None = None,
    dev: float = 0.5,
    step: int = 4,
    names: Sequence[str] = (),
) -> None:
    """What `-m train` and then `-m evaluate -e dev-best.ckpt` leave for an accuracy task, file by file."""
    task = TASKS[task_name]
    folder.mkdir(parents=True, exist_ok=True)
    truths = [CLASSES[index % len(CLASSES)] for index in range(len(right))]
    answers = [truth if ok else "wrong" for truth, ok in zip(truths, right, strict=True)]
    for pattern, values in ((task.predictions, answers), (task.truths, truths)):
        called = names or [f"utterance {index}" for index in range(len(values))]
        lines = [f"{name} {value}\n" for name, value in zip(called, values, strict=True)]
        (folder / pattern.format(split=task.evaluate_split, fold=fold)).write_text("".join(lines))
    test = sum(right) / len(right)
    best = float(torch.tensor(dev))
    (folder / "log.log").write_text(
        f"dev at step {step}: {best}\nNew best on dev at step {step}: {best}\ntest at step {step}: 0.1\n"
        f"dev at step {2 * step}: {best / 2}\ntest at step 0: {test}\n"
    )
    states = {
        "Step": step,
        "Args": argparse.Namespace(seed=1),
        "Config": {"runner": {"total_steps": 2 * step}},
        "Downstream": {"best_score": torch.ones(1) * dev},
    }
    torch.save(states, folder / "dev-best.ckpt")


def finished_cell(
    expdir: Path,
    upstream: str,
    task: str,
    right: Sequence[bool],
    *,
    fold: str | None = None,
    lr: float = 1e-3,
    seed: int = 1,
    dev: float = 50.0,
    layers: int = 12,
    depth: Depth | None = None,
    how: How = "frozen",
    names: Sequence[str] = (),
    weights: str = "a" * 64,
    steps: int = 8,
    recipe_sha256: str = "0" * 64,
    overrides: Sequence[str] = (),
    reduced: Reduced | None = None,
) -> Path:
    """A cell that the grid finished, without the training."""
    cell = Cell(upstream, task, fold, lr, seed)
    folder = expdir / cell.path
    write_outputs(folder, task, right, fold, names=names)
    predictions = read_predictions(folder, TASKS[task], TASKS[task].evaluate_split, fold)
    provenance = Provenance(
        command=("run_downstream.py", "-m", "train", "-u", upstream, "-n", "it's a name; rm x"),
        recipe=f"{task}.yaml",
        recipe_sha256=recipe_sha256,
        overrides=tuple(overrides),
        ckpt=None,
        device="cpu",
        versions={"s3prl": "0.4.18", "torch": "2.11.0"},
        upstream_sha256=weights,
        depth=depth,
    )
    second = Seconds(wall=1.0, cpu=0.5)
    cost = Cost((Epoch(1, 4, dev, 1.5, second, {"error_rate": 100 - dev}),), second, 60.0, Memory(), "cpu", 1000)
    result = Result(
        how=how,
        upstream=upstream,
        task=task,
        fold=fold,
        lr=lr,
        seed=seed,
        metric="accuracy",
        dev=dev,
        test=predictions.score(TASKS[task]),
        step=4,
        total_steps=steps,
        utterances=len(right),
        truth_sha256=predictions.truth_sha256,
        layers=layers,
        params=1_000_000 + 200_000 * layers,
        provenance=provenance,
        cost=cost if how == "finetuned" else None,
        reduced=reduced,
    )
    (folder / "cell.json").write_text("{}")
    result.write(folder / "finished.json")
    return folder


def profile_of(upstream: str, layers: int, device: str = "cpu") -> Profile:
    """A profile row that fits `finished_cell`."""
    rtf = 0.01 + 0.002 * layers
    macs = (2 + layers) * 10**8
    return Profile(
        upstream,
        params=1_000_000 + 200_000 * layers,
        layers=layers,
        macs=macs,
        macs_seconds=4.0,
        rtf=rtf,
        macs_by_seconds={"4": macs},
        timings=(Timing(4.0, 1, 4 * rtf, (3 * rtf, 5 * rtf), rtf, None),),
        machine=Machine(device, "a processor", 2, 2),
    )


def small_grid(expdir: Path, seeds: Sequence[int] = (1, 2, 3)) -> list[Profile]:
    """A whole upstream and four cuts on KS and SID; returns their profiles.

    On KS L8 is as good as the whole one and L2 clearly worse; on SID L2 is best.
    """
    shares = {12: (0.90, 0.60), 10: (0.88, 0.64), 8: (0.90, 0.66), 4: (0.80, 0.72), 2: (0.60, 0.80)}
    profiles = []
    for layers, (ks, sid) in shares.items():
        upstream = "tiny" if layers == 12 else f"tiny_convexpruned_L{layers}"
        depth = None if layers == 12 else Depth(base="tiny", task="ks" if layers == 8 else None)
        for seed in seeds:
            for task, share in (("ks", ks), ("sid", sid)):
                right = right_answers(240, share + 0.004 * seed, 100 * layers + seed)
                finished_cell(expdir, upstream, task, right, seed=seed, layers=layers, depth=depth)
        profiles.append(profile_of(upstream, layers))
    return profiles
