"""The head that a SpeechBrain recipe of this package trained together with its upstream.

The last hidden state or a weighted sum of all, normalised over frames and channels; for KS, SID and ER its mean over
time and a linear layer, for ASR a small network on each frame.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from ..errors import CheckpointError, ConfigError
from ..safe_load import check_finite, read_checkpoint
from ..schema import read_text
from ..upstreams.config import UpstreamConfig
from ..upstreams.finetuned import LOBE, SAVE, find_run
from ..upstreams.names import chosen_layers
from ..yaml_file import read_yaml
from .finetuned_layers import CharacterHead, LobeState, UtteranceHead, linear_of
from .head import Head, is_cut

HEAD, ENCODER, HPARAMS = "head.ckpt", "label_encoder.txt", "hyperparams.yaml"
TASKS = ("ks", "sid", "er", "asr")
SHARES, BLANK = "weights", "<blank>"
CLASSIFIER, OUTPUT = "0.w", "1.w"  # the linear layer of an utterance's label, and the last one of ASR
HIDDEN = re.compile(r"0\.linear(_\d+)?\.w")  # those before it
ACTIVATION = "name:torch.nn.LeakyReLU"  # between them
SETTINGS = {"output_all_hiddens": False, "layernorm": False}  # of the lobe, as the recipes leave them


class _Data(yaml.SafeLoader):
    """Reads a hyperparameter file as data: of what a tag would build or call, its values stay, or else its name."""


def _untagged(loader: _Data, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) or suffix  # type: ignore[arg-type]


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
    check_finite(str(run.checkpoint / HEAD), held)
    if (lobe.get("layer") == "weighted") != (weights is not None):
        raise CheckpointError(f"{run.checkpoint / LOBE}: does not fit {HPARAMS} (layer: {lobe.get('layer')})")
    if weights is not None and (weighed := list(getattr(weights, "shape", ()))) != [kept + 1]:
        raise ConfigError(f"--head {folder}: weighs hidden states {weighed}; {config.name} has {kept + 1}")
    state, labels = LobeState(weights, bool(lobe.get("output_norm"))), _labels(folder / SAVE / ENCODER)
    linears = _linears(f"--head {folder}", held, run.task)
    width, count = linears[0][0].shape[1], len(linears[-1][1])
    if len(labels) > count:
        raise CheckpointError(f"--head {folder}: gives {count} logits for {len(labels)} labels")
    if run.task != "asr":
        # the head may have more outputs than train had labels; those take no part
        linear = linear_of(*(tensor[: len(labels)] for tensor in linears[0]))
        return Head(UtteranceHead(state, linear), run.task, labels, width, run=run)
    if hparams.get("activation") != ACTIVATION:
        raise ConfigError(
            f"--head {folder}: has the activation {hparams.get('activation')}, not the recipe's LeakyReLU"
        )
    layer = CharacterHead(state, [linear_of(*tensors) for tensors in linears])
    written = ("" if label == BLANK else label for label in labels)
    return Head(layer, run.task, (*written, *[""] * (count - len(labels))), width, returns="characters", run=run)


def _linears(where: str, held: dict[str, Tensor], task: str) -> list[tuple[Tensor, Tensor]]:
    """The weights and biases of a head's linear layers, in the order they run."""
    names = [str(key).removesuffix(".weight") for key in held if str(key).endswith(".weight")]
    expected = [*filter(HIDDEN.fullmatch, names), OUTPUT] if task == "asr" else [CLASSIFIER]
    if names == expected and set(held) == {f"{name}.{part}" for name in names for part in ("weight", "bias")}:
        linears = [(held[f"{name}.weight"], held[f"{name}.bias"]) for name in names]
        if all(isinstance(tensor, Tensor) for both in linears for tensor in both) and _chained(linears):
            return linears
    raise ConfigError(f"{where}: has other layers than the head of the recipe for {task}")


def _chained(linears: list[tuple[Tensor, Tensor]]) -> bool:
    """Whether each layer has a bias for every row, and reads as many values as the one before it gives."""
    read = [list(weight.shape[1:]) for weight, _ in linears]
    given = [list(bias.shape) for _, bias in linears]
    return read[1:] == given[:-1] and all(
        weight.ndim == 2 and [len(weight)] == rows for (weight, _), rows in zip(linears, given, strict=True)
    )


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
