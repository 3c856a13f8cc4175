"""Small grids of every task, run alone and together, and where their cells differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune import compat

compat.apply()

import torch  # noqa: E402

from s3prl_convexprune import atomic  # noqa: E402
from s3prl_convexprune.experiments.cells.worker import work  # noqa: E402
from s3prl_convexprune.experiments.frozen.experiment import run_cell  # noqa: E402
from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from s3prl_convexprune.experiments.frozen.planning import make_plan  # noqa: E402
from s3prl_convexprune.experiments.frozen.together import run as together_run  # noqa: E402
from s3prl_convexprune.results.cell import Precision  # noqa: E402
from s3prl_convexprune.results.outcome import read_checkpoint  # noqa: E402
from s3prl_convexprune.schema import read_json  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

RUN_TOGETHER = together_run.run_together


LENGTHS = (0.5, 0.7)  # a batch's padding depends on who is in it


SCHEDULE = "config.runner.total_steps=5,,config.runner.eval_step=3,,config.runner.save_step=2,,config.runner.log_step=2"


DATA = "config.downstream_expert.datarc"


MODEL = "config.downstream_expert.modelrc"


TASKS = {
    # silence is cropped at random, dev is drawn at random
    "ks": f"{DATA}.num_workers=0,,{DATA}.batch_size=4",
    # cropped at random, in a worker process; the gradient of two batches a step
    "sid": f"{DATA}.num_workers=1,,{DATA}.train_batch_size=2,,{DATA}.max_timestep=9000,,"
    "config.runner.gradient_accumulate_steps=2",
    # a head with dropout; the audio read in advance
    "er": f"{DATA}.num_workers=0,,{MODEL}.select='DeepModel',,config.runner.gradient_accumulate_steps=2",
    # SpecAugment, dropout, CTC
    "asr": f"{DATA}.num_workers=0,,{DATA}.train_batch_size=2,,{DATA}.batch_size=2,,"
    f"{MODEL}.project_dim=16,,{MODEL}.RNNs.dim=[16,16]",
}


LAST = "args.upstream_feature_selection='last_hidden_state'"


CUTS = ("_convexpruned_L1", "_convexpruned_L3")


WITH_WHOLE = ("_convexpruned_L1", "")


#: task, checkpoint, what stands behind its hub entry, further overrides, most passes that are not shared
RUNS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "ks, whole and cut": ("ks", "hf_hubert-post", WITH_WHOLE, ""),
    "sid, normalised features": ("sid", "hubert-pre", CUTS, "args.upstream_feature_normalize=True"),
    "er, an upstream that draws": ("er", "wavlm-post", CUTS, ""),
    "er, last state": ("er", "hubert-post", CUTS, LAST),
    "asr, last state into SpecAugment": ("asr", "hf_hubert-pre", CUTS, LAST),
    "asr, one layer": ("asr", "hubert-post", CUTS, "args.upstream_layer_selection=1"),
    "ks, a cut that keeps the last LayerNorm": ("ks", "hf_wavlm-pre", ("_kept", ""), ""),
    "ks, a whole upstream that draws layer by layer": ("ks", "hubert-post", WITH_WHOLE, ""),
}


def plan_for(
    root: Path, run: str, expdir: Path, together: int | None, precision: Precision | None = None, device: str = "cpu"
) -> Grid:
    task, case, cuts, more = RUNS[run]
    built = root / case
    ckpt = CASES[case].build(built)
    kept = {"name": f"{CASES[case].entry}_kept", "base": CASES[case].entry, "layers": 2, "final_norm": "keep"}
    atomic.write_json(root / "configs" / f"{kept['name']}.yaml", kept)
    return make_plan(
        [CASES[case].entry + cut for cut in cuts],
        [task],
        expdir,
        lrs=[0.02, 0.001],
        seeds=[3],  # one with which no cell of KS ends at 0 % on dev, which chooses no checkpoint
        folds=["fold2", "fold4"] if task == "er" and not more else ["fold2"],
        overrides={task: ",,".join(filter(None, (SCHEDULE, TASKS[task], more)))},
        ckpt=str(ckpt),
        device=device,
        together=together,
        precision=precision,
    )


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a cell left behind, less paths and times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".ckpt":
            states = read_checkpoint(path)
            found[path.name] = {key: value for key, value in states.items() if key != "Args"}
        elif path.suffix in (".txt", ".ark", ".log") and path.name != "run.log":
            found[path.name] = path.read_text()
    if not (folder / "finished.json").exists():  # no checkpoint was ever chosen on dev
        return found | {"reason": read_json(folder / "failed.json")["reason"].replace(str(folder), "")}
    row = read_json(folder / "finished.json")
    numbers = ("dev", "test", "step", "utterances", "truth_sha256", "layers", "params")
    return found | {key: row[key] for key in numbers} | {"weights": row["provenance"]["upstream_sha256"]}


def differences(a: Any, b: Any, where: str = "", tolerance: float = 0.0) -> list[str]:
    """Where two cells differ; floating-point tensors by more than `tolerance` of their largest entry."""
    if isinstance(a, torch.Tensor):
        if tolerance and a.is_floating_point() and a.shape == b.shape:
            return [] if (a - b).abs().max() <= tolerance * a.abs().max() else [where]
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [f"{where}: {a.keys() ^ b.keys()}"]
        return [found for key in a for found in differences(a[key], b[key], f"{where}/{key}", tolerance)]
    if isinstance(a, list | tuple):
        return [found for one, other in zip(a, b, strict=True) for found in differences(one, other, where, tolerance)]
    return [] if a == b else [f"{where}: {a!r:.2000} != {b!r:.2000}"]


def run(plan: Grid, monkeypatch: pytest.MonkeyPatch) -> list[together_run.Shared]:
    shared: list[together_run.Shared] = []
    monkeypatch.setattr(together_run, "run_together", lambda *given: shared.append(RUN_TOGETHER(*given)))
    work(plan, lambda event: None, run_cell)
    return shared
