"""The trained head of an s3prl experiment, read from its checkpoint, as a layer that travels with the graph.

SUPERB's heads of KS, SID and ER are linear: a softmax-weighted sum over the hidden states, a projector, the mean over
time, a linear layer. The mean commutes with what is linear, so the states are pooled first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError
from ..safe_load import read_checkpoint
from ..schema import read_json
from ..upstreams.config import UpstreamConfig
from ..upstreams.names import chosen_layers
from .head import Head, is_cut

CHECKPOINT = "dev-best.ckpt"
TASKS = {"speech_commands": "ks", "voxceleb1": "sid", "emotion": "er"}
KEYS = {"projector.weight", "projector.bias", "model.post_net.linear.weight", "model.post_net.linear.bias"}
FIRST_SPEAKER, SPEAKERS = 10001, 1251  # s3prl numbers VoxCeleb1's id10001, id10002, ... from 0


class LinearHead(nn.Module):
    """From hidden states, ``[batch, frames, width]`` each, to logits ``[batch, labels]``."""

    def __init__(self, weights: Tensor, head: dict[str, Tensor]) -> None:
        super().__init__()
        self.register_buffer("shares", torch.softmax(weights.float(), dim=-1)[:, None, None])
        for name in sorted(KEYS):
            self.register_buffer(name.replace(".", "_"), head[name].float())

    def forward(self, states: list[Tensor]) -> Tensor:
        pooled = torch.stack([state.mean(1) for state in states])
        feature = (self.get_buffer("shares") * pooled).sum(0)
        for name in ("projector", "model_post_net_linear"):
            feature = feature @ self.get_buffer(f"{name}_weight").T + self.get_buffer(f"{name}_bias")
        return feature


def read_experiment(experiment: str | Path, config: UpstreamConfig) -> Head:
    """The head that an experiment trained on a cut.

    Args:
        experiment: an experiment's folder, whose `dev-best.ckpt` is read, or a checkpoint.
        config: the cut.

    Raises:
        CheckpointError: there is no such checkpoint, or it is of another kind.
        ConfigError: it was trained on another upstream, its layers do not fit, or such a head does not travel.
    """
    path = Path(experiment)
    path = path / CHECKPOINT if path.is_dir() else path
    if not path.is_file():
        raise CheckpointError(
            f"--head {experiment}: there is no {path}; expected the folder of an s3prl experiment, "
            "or of a finished fine-tuning"
        )
    states = read_checkpoint(path)
    args, held, weights = states.get("Args"), states.get("Downstream"), states.get("Featurizer")
    if args is None or not isinstance(held, dict) or not isinstance(weights, dict):
        raise CheckpointError(f"--head {path}: is not a checkpoint of an s3prl experiment")
    layers = chosen_layers(config)
    if not is_cut(config, str(args.upstream)):
        raise ConfigError(f"--head {experiment}: was trained on {args.upstream}, not on {config.name}")
    if args.downstream not in TASKS:
        raise ConfigError(
            f"--head {experiment}: a head of {args.downstream} does not travel; those of {', '.join(TASKS)} do"
        )
    lacking = KEYS - held.keys()
    if lacking or args.upstream_feature_selection != "hidden_states" or args.upstream_feature_normalize:
        raise ConfigError(f"--head {experiment}: is not SUPERB's linear head on the weighted sum of the states")
    if (weighed := len(weights.get("weights", ()))) != layers + 1:
        raise ConfigError(f"--head {experiment}: weighs {weighed} hidden states; {config.name} has {layers + 1}")
    data = states["Config"]["downstream_expert"]["datarc"]
    labels = _labels(args.downstream, data, data.get("test_fold") or args.downstream_variant or "fold1")
    if len(labels) != len(held["model.post_net.linear.bias"]):
        raise ConfigError(
            f"--head {experiment}: gives {len(held['model.post_net.linear.bias'])} logits for {len(labels)} labels"
        )
    layer = LinearHead(weights["weights"], held)
    return Head(layer, TASKS[args.downstream], labels, held["projector.weight"].shape[1])


def _labels(downstream: str, data: dict[str, Any], fold: str) -> tuple[str, ...]:
    if downstream == "speech_commands":
        from s3prl.downstream.speech_commands.dataset import CLASSES

        return tuple(CLASSES)
    if downstream == "voxceleb1":
        return tuple(f"id{FIRST_SPEAKER + index}" for index in range(SPEAKERS))
    lists = Path(data["meta_data"]) / fold.replace("fold", "Session")
    numbered = read_json(lists / "train_meta_data.json")["labels"]
    return tuple(sorted(numbered, key=numbered.__getitem__))
