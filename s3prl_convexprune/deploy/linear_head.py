"""SUPERB's heads of KS, SID, ER and IC: a weighted sum over the hidden states, a projector, the mean, a linear layer.

The mean over time commutes with what is linear, so the states are pooled first.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArtifactError, ConfigError
from ..schema import read_json, read_text
from .head import Head

TASKS = {"speech_commands": "ks", "voxceleb1": "sid", "emotion": "er", "fluent_commands": "ic"}
KEYS = {"projector.weight", "projector.bias", "model.post_net.linear.weight", "model.post_net.linear.bias"}
FIRST_SPEAKER, SPEAKERS = 10001, 1251  # s3prl numbers VoxCeleb1's id10001, id10002, ... from 0
SLOTS = ("action", "object", "location")  # of an intent


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


def read_linear(where: str, args: Any, expert: dict[str, Any], held: dict[str, Tensor], weights: Tensor) -> Head:
    """A linear head.

    Args:
        where: the experiment, for messages.
        args: what s3prl was run with.
        expert: the recipe's section `downstream_expert`.
        held: the weights of the downstream model.
        weights: of the sum over the states.

    Raises:
        ConfigError: it is another head, or its labels are not as many as its logits.
        ArtifactError: the list of labels that it was trained with is no longer there.
    """
    if KEYS - held.keys():
        raise ConfigError(f"{where}: is not SUPERB's linear head on the weighted sum of the states")
    data = expert["datarc"]
    slots: tuple[tuple[str, int], ...] = ()
    if args.downstream == "fluent_commands":
        values = _intents(Path(data["file_path"]) / "data" / "train_data.csv")
        labels = tuple(label for slot in SLOTS for label in values[slot])
        slots = tuple((slot, len(values[slot])) for slot in SLOTS)
    else:
        labels = _labels(args.downstream, data, data.get("test_fold") or args.downstream_variant or "fold1")
    width = _check_shapes(where, held, len(labels))
    return Head(LinearHead(weights, held), TASKS[args.downstream], labels, width, slots=slots)


def _check_shapes(where: str, held: dict[str, Tensor], count: int) -> int:
    """Refuse layers that do not follow each other; returns the width that the first one reads."""
    found = {name: list(held[name].shape) for name in sorted(KEYS)}
    if (logits := held["model.post_net.linear.bias"].numel()) != count:
        raise ConfigError(f"{where}: gives {logits} logits for {count} labels")
    middle, width = len(held["projector.bias"]), found["projector.weight"][-1]
    expected = {
        "projector.weight": [middle, width],
        "projector.bias": [middle],
        "model.post_net.linear.weight": [count, middle],
        "model.post_net.linear.bias": [count],
    }
    for name, shape in expected.items():
        if found[name] != shape:
            raise ConfigError(f"{where}: {name} has the shape {found[name]}, expected {shape}")
    return width


def _labels(downstream: str, data: dict[str, Any], fold: str) -> tuple[str, ...]:
    if downstream == "speech_commands":
        from s3prl.downstream.speech_commands.dataset import CLASSES

        return tuple(CLASSES)
    if downstream == "voxceleb1":
        return tuple(f"id{FIRST_SPEAKER + index}" for index in range(SPEAKERS))
    lists = Path(data["meta_data"]) / fold.replace("fold", "Session")
    numbered = read_json(lists / "train_meta_data.json")["labels"]
    return tuple(sorted(numbered, key=numbered.__getitem__))


def _intents(table: Path) -> dict[str, list[str]]:
    """Slot -> its values, which s3prl numbers as they first appear in the training table."""
    rows = list(csv.DictReader(io.StringIO(read_text(table))))
    if not rows or not set(SLOTS) <= rows[0].keys():
        raise ArtifactError(f"{table}: has no columns {', '.join(SLOTS)}")
    return {slot: list(dict.fromkeys(row[slot] for row in rows)) for slot in SLOTS}
