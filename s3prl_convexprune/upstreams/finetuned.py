"""The upstream of a fine-tuned run, put back into an upstream that the hub builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError
from ..safe_load import check_finite, load
from ..schema import parse_json, read_text

RECORD, SAVE, META, LOBE = "record.json", "save", "CKPT.yaml", "lobe.ckpt"
UPSTREAM = "upstream."  # what the lobe calls the upstream in its own weights


@dataclass(frozen=True)
class FineTunedRun:
    """A finished run of a SpeechBrain recipe.

    Args:
        folder: the run's output folder.
        upstream: what it fine-tuned, by its name on the hub.
        layers: how many transformer layers were left of it.
        task: on which task.
        seed: its training seed.
        checkpoint: the folder of the checkpoint that was tested: the best on dev, the newest of equals.
    """

    folder: Path
    upstream: str
    layers: int
    task: str
    seed: int
    checkpoint: Path


def find_run(folder: str | Path) -> FineTunedRun:
    """Read what a run's folder says about it.

    Args:
        folder: what `finetune` or a recipe's `train.py` wrote: `record.json`, and the checkpoints in `save/`.

    Raises:
        CheckpointError: it is not a finished run's folder.
    """
    folder = Path(folder)
    if not (folder / RECORD).is_file():
        raise CheckpointError(
            f"{folder}: is not the folder of a finished fine-tuning: it has no {RECORD}; "
            "'s3prl-convexprune finetune' writes one for each upstream and seed"
        )
    record = parse_json(read_text(folder / RECORD), folder / RECORD)
    try:
        criterion = record["criterion"]
        said = record["upstream"], int(record["layers"]), record["task"], int(record["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / RECORD}: is not the record of a fine-tuning ({error})") from error
    scored = [(meta[criterion], -meta["unixtime"], path) for path, meta in _checkpoints(folder) if criterion in meta]
    if not scored:
        raise CheckpointError(f"{folder}: has no checkpoint under {SAVE}/")
    return FineTunedRun(folder, *said, min(scored)[2])


def _checkpoints(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for path in sorted((folder / SAVE).glob(f"CKPT*/{META}")):
        try:
            meta = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise CheckpointError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from error
        if isinstance(meta, dict) and isinstance(meta.get("unixtime"), float):
            found.append((path.parent, meta))
    return found


def load_finetuned(expert: nn.Module, name: str, run: FineTunedRun) -> None:
    """Replace an upstream's weights by those that a run ended with.

    Args:
        expert: the upstream, built by its name; changed in place.
        name: its name on the hub.
        run: the run.

    Raises:
        ConfigError: the run fine-tuned another upstream.
        CheckpointError: the checkpoint is damaged, holds code, or has other weights than this upstream.
    """
    if run.upstream != name:
        raise ConfigError(f"{run.folder} fine-tuned {run.upstream}, not {name}; give -u {run.upstream}")
    path = run.checkpoint / LOBE
    states = load(path, map_location="cpu")
    if not isinstance(states, dict):
        raise CheckpointError(f"{path} is not a checkpoint: it holds a {type(states).__name__}, not a dict")
    weights = {
        key.removeprefix(UPSTREAM): value
        for key, value in states.items()
        if key.startswith(UPSTREAM) and isinstance(value, Tensor)
    }
    own = expert.state_dict()
    for key in sorted({*own, *weights}):
        if key not in weights:
            raise CheckpointError(f"{path} has no {key}, which {name} has")
        if key not in own:
            raise CheckpointError(f"{path} has {key}, which {name} has not")
        if own[key].shape != weights[key].shape:
            raise CheckpointError(f"{path}: {key} is {list(weights[key].shape)}; {name} has {list(own[key].shape)}")
    check_finite(str(path), weights)
    expert.load_state_dict(weights)
