"""Experiments of ASR and IC on a tiny cut as s3prl leaves them; the heads are its own experts, with random weights."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from s3prl_convexprune.upstreams import registry
from tests.recipes.other_corpora import fluent_commands

from .s3prl_experiment import NAME, WIDTH

LETTERS = ["|", "E", "T", "A", "O", "N", "I"]
RNNS = {
    "total_rate": -1,
    "module": "LSTM",
    "bidirection": True,
    "dim": [24, 24],
    "dropout": [0.2, 0.2],
    "layer_norm": [False, False],
    "proj": [False, False],
    "sample_rate": [1, 1],
    "sample_style": "concat",
}


@dataclass(frozen=True)
class Experiment:
    """An experiment's folder, s3prl's expert in eval mode, and the weights of the sum over the states."""

    folder: Path
    expert: Any
    weights: Tensor

    def features(self, wav: Tensor) -> list[Tensor]:
        """What s3prl's featurizer hands to the expert for one waveform."""
        from s3prl.upstream.interfaces import Featurizer

        upstream = registry.build_upstream(NAME).eval()
        featurizer = Featurizer(upstream, upstream_device="cpu")
        featurizer.load_state_dict({"weights": self.weights})
        with torch.no_grad():
            return list(featurizer([wav], upstream([wav])))


def speech_recognition(folder: Path) -> Experiment:
    folder.mkdir(parents=True)
    (folder / "char.dict").write_text("".join(f"{letter} {9 - at}\n" for at, letter in enumerate(LETTERS)))
    data = {"dict_path": str(folder / "char.dict"), "zero_infinity": True, "decoder_args": {"decoder_type": "None"}}
    model = {"project_dim": 16, "select": "RNNs", "RNNs": RNNS}
    return _made(folder, "asr", {"datarc": data, "modelrc": model}, "dev-clean-best.ckpt")


def intents(folder: Path) -> Experiment:
    folder.mkdir(parents=True)
    data = {"file_path": str(fluent_commands(folder / "corpus"))}
    model = {"projector_dim": 16, "select": "UtteranceLevel", "UtteranceLevel": {"pooling": "MeanPooling"}}
    return _made(folder, "fluent_commands", {"datarc": data, "modelrc": model}, "dev-best.ckpt")


def _made(folder: Path, downstream: str, config: Mapping[str, Any], name: str) -> Experiment:
    registry.load_hub()
    torch.manual_seed(0)
    own = import_module(f"s3prl.downstream.{downstream}.expert").DownstreamExpert
    expert = own(upstream_dim=WIDTH, upstream_rate=320, downstream_expert=config, expdir=str(folder)).eval()
    for parameter in expert.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # smaller weights would say the same label in every frame
    args = Namespace(
        upstream=NAME,
        downstream=downstream,
        downstream_variant=None,
        upstream_feature_selection="hidden_states",
        upstream_feature_normalize=False,
    )
    weights = torch.randn(2)
    content = {"Args": args, "Config": {"downstream_expert": config}, "Downstream": expert.state_dict()}
    torch.save({**content, "Featurizer": {"weights": weights}}, folder / name)
    return Experiment(folder, expert, weights)
