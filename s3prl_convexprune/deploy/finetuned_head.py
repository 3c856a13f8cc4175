"""The head that a SpeechBrain recipe of this package trained together with its upstream.

The classifiers of KS, SID and ER: the last hidden state or a weighted sum of all, normalised over frames and channels,
its mean over time, a linear layer. The normalisation needs every frame, so the head reads whole states.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError
from ..safe_load import check_finite, read_checkpoint
from ..schema import read_text
from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import LOBE, SAVE, find_run
from ..upstreams.names import chosen_layers
from ..yaml_file import read_yaml
from .head import Head, is_cut

HEAD, ENCODER, HPARAMS = "head.ckpt", "label_encoder.txt", "hyperparams.yaml"
TASKS = ("ks", "sid", "er")
WEIGHT, BIAS, SHARES = "0.w.weight", "0.w.bias", "weights"
SETTINGS = {"output_all_hiddens": False, "layernorm": False}  # of the lobe, as the recipes leave them
EPSILON = 1e-5  # what the lobe adds to the variance


class UtteranceHead(nn.Module):
    """From hidden states, `[batch, frames, width]` each, to logits `[batch, labels]`.

    Args:
        weight, bias: of the linear layer.
        weights: of the sum over the states, before their softmax; the last state is taken when None.
        normalised: whether the state is brought to mean 0 and variance 1 over an utterance's frames and channels.
    """

    def __init__(self, weight: Tensor, bias: Tensor, weights: Tensor | None, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())
        self.register_buffer("shares", None if weights is None else torch.softmax(weights.float(), dim=0))

    def forward(self, states: list[Tensor]) -> Tensor:
        state = states[-1]
        if self.shares is not None:
            shares = self.get_buffer("shares")
            state = torch.stack([share * one for share, one in zip(shares, states, strict=True)]).sum(0)
        if self.normalised:
            centred = state - state.mean((1, 2), keepdim=True)
            state = centred / torch.sqrt((centred * centred).mean((1, 2), keepdim=True) + EPSILON)
        return state.mean(1) @ self.get_buffer("weight").T + self.get_buffer("bias")


class _Data(yaml.SafeLoader):
    """Reads a hyperparameter file as data: what a tag would build or call is left as the values it is given."""


def _untagged(loader: _Data, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Data.add_multi_constructor("!", _untagged)


def read_finetuned(folder: str | Path, config: UpstreamConfig) -> Head:
    """The head of a finished run, with the run whose weights the upstream must have for it.

    Args:
        folder: what `finetune` or a recipe's `train.py` wrote.
        config: the cut.

    Raises:
        CheckpointError: the run is not finished, or damaged.
        ConfigError: it fine-tuned another upstream, its layers do not fit, or such a head does not travel.
    """
    run, folder, kept = find_run(folder), Path(folder), chosen_layers(config)
    if not is_cut(config, run.upstream, run.layers):
        raise ConfigError(f"--head {folder}: fine-tuned {run.upstream} with {run.layers} layers, not {config.name}")
    if run.task not in TASKS:
        raise ConfigError(f"--head {folder}: a fine-tuned head of {run.task} does not travel; {', '.join(TASKS)} do")
    hparams = read_yaml(folder / HPARAMS, _Data)
    lobe = hparams.get("lobe") if isinstance(hparams, dict) else None
    if not isinstance(lobe, dict):
        raise CheckpointError(f"{folder / HPARAMS}: describes no lobe")
    for key, expected in SETTINGS.items():
        if lobe.get(key, expected) != expected:
            raise ConfigError(f"--head {folder}: its lobe has {key}, with which a head does not travel")
    held, weights = read_checkpoint(run.checkpoint / HEAD), read_checkpoint(run.checkpoint / LOBE).get(SHARES)
    if held.keys() != {WEIGHT, BIAS}:
        raise ConfigError(f"--head {folder}: is not the recipes' head, one linear layer")
    check_finite(str(run.checkpoint / HEAD), held)
    if (lobe.get("layer") == "weighted") != (weights is not None):
        raise CheckpointError(f"{run.checkpoint / LOBE}: does not fit {HPARAMS} (layer: {lobe.get('layer')})")
    if weights is not None and len(weights) != kept + 1:
        raise ConfigError(f"--head {folder}: weighs {len(weights)} hidden states; {config.name} has {kept + 1}")
    labels = _labels(folder / SAVE / ENCODER)
    if len(labels) > len(held[BIAS]):
        raise CheckpointError(f"--head {folder}: gives {len(held[BIAS])} logits for {len(labels)} labels")
    # the recipes' head may have more outputs than train had labels; those take no part
    answering = (held[WEIGHT][: len(labels)], held[BIAS][: len(labels)])
    layer = UtteranceHead(*answering, weights, bool(lobe.get("output_norm")))
    return Head(layer, run.task, labels, held[WEIGHT].shape[1], run=run)


def _labels(path: Path) -> tuple[str, ...]:
    """The labels of SpeechBrain's encoder file: a line `label => place` each, then a line of `=`."""
    numbered: list[tuple[int, str]] = []
    for line in read_text(path).splitlines():
        if line.startswith("==="):
            break
        try:
            label, place = line.rsplit(" => ", 1)
            numbered.append((int(place), str(ast.literal_eval(label))))
        except (ValueError, SyntaxError) as error:
            raise CheckpointError(f"{path}: is not a label encoder's: {line[:60]!r}") from error
    places, labels = zip(*sorted(numbered), strict=True) if numbered else ((), ())
    if not labels or places != tuple(range(len(labels))) or len(set(labels)) < len(labels):
        raise CheckpointError(f"{path}: does not number its labels, each once, from 0")
    return labels
