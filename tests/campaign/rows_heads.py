"""Trained heads that cannot travel with the cut they are given for."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from s3prl_convexprune.deploy.recurrent_head import SUPERB

from .row import Row

EXPORT = "export tiny_hubert_convexpruned_L2 --format onnx -o out --head trained"
LINEAR = {
    "projector.weight": torch.zeros(8, 128),
    "projector.bias": torch.zeros(8),
    "model.post_net.linear.weight": torch.zeros(12, 8),
    "model.post_net.linear.bias": torch.zeros(12),
}


def _experiment(
    states: int = 3, held: Any = LINEAR, recipe: Any = None, **changed: Any
) -> Callable[[Path, Path], object]:
    """What s3prl leaves of a training of KS on the cut, but for what is changed."""
    args = {
        "upstream": "tiny_hubert_convexpruned_L2",
        "downstream": "speech_commands",
        "downstream_variant": None,
        "upstream_feature_selection": "hidden_states",
        "upstream_feature_normalize": False,
    }

    def make(path: Path, material: Path) -> None:
        path.mkdir()
        content = {
            "Args": Namespace(**{**args, **changed}),
            "Config": {"downstream_expert": recipe or {"datarc": {}}},
            "Downstream": held,
            "Featurizer": {"weights": torch.zeros(states)},
        }
        torch.save(content, path / "dev-best.ckpt")

    return make


def _asr(**changed: Any) -> Callable[[Path, Path], object]:
    """A training of ASR with a dictionary, but for what is changed in the recipe of its LSTMs."""

    def make(path: Path, material: Path) -> None:
        lstms = {**SUPERB, "bidirection": True, "dropout": [0], "layer_norm": [False], "proj": [False]}
        model = {"select": "RNNs", "project_dim": 8, "RNNs": {**lstms, "sample_rate": [1], **changed}}
        data = {"dict_path": str(path / "dict")}
        _experiment(downstream="asr", recipe={"modelrc": model, "datarc": data})(path, material)
        (path / "dict").write_text("A 1\n| 1\n")

    return make


def _run(**changed: Any) -> Callable[[Path, Path], object]:
    """What a fine-tuning of KS on the cut leaves, but for what is changed; its weights are not reached."""
    said = {"criterion": "error_rate", "upstream": "tiny_hubert_convexpruned_L2", "layers": 2, "task": "ks", "seed": 0}

    def make(path: Path, material: Path) -> None:
        checkpoint = path / "save" / "CKPT+0"
        checkpoint.mkdir(parents=True)
        (path / "record.json").write_text(json.dumps({**said, **changed}))
        (checkpoint / "CKPT.yaml").write_text("error_rate: 1.0\nunixtime: 1.0\n")

    return make


ASR = {"modelrc": {"select": "RNNs", "RNNs": dict(SUPERB)}, "datarc": {"dict_path": "no.dict"}}
HEADS: dict[str, tuple[Callable[[Path, Path], object], str | tuple[str, ...]]] = {
    "of another upstream": (
        _experiment(upstream="tiny_hubert_convexpruned_L3"),
        "trained on tiny_hubert_convexpruned_L3",
    ),
    "of more states": (_experiment(states=4), "weighs 4 hidden states"),
    "of diarization": (_experiment(downstream="diarization"), "a head of diarization does not travel"),
    "without a linear layer": (_experiment(held={}), "is not SUPERB's linear head"),
    "of another downstream's layers": (
        _experiment(held={**LINEAR, "model.post_net.linear.bias": torch.zeros(5)}),
        "gives 5 logits for 12 labels",
    ),
    "of narrower states": (
        _experiment(held={**LINEAR, "projector.weight": torch.zeros(8, 64)}),
        ("reads states of width 64", "have 128"),
    ),
    "whose layers do not follow each other": (
        _experiment(held={**LINEAR, "model.post_net.linear.weight": torch.zeros(12, 9)}),
        "model.post_net.linear.weight has the shape [12, 9], expected [12, 8]",
    ),
    "whose projector is a vector": (
        _experiment(held={**LINEAR, "projector.weight": torch.zeros(8)}),
        "projector.weight",
    ),
    "of ASR of a negative width": (_asr(dim=[-4]), "its weights are not those of its recipe"),
    "of ASR of a billion units": (_asr(dim=[10**9]), "its weights are not those of its recipe"),
    "of ASR without its recipe": (_experiment(downstream="asr"), "its recipe is not one of asr"),
    "of ASR without its dictionary": (_experiment(downstream="asr", recipe=ASR), "no.dict"),
    "of ASR by convolutions": (
        _experiment(downstream="asr", recipe={"modelrc": {"select": "Wav2Letter"}, "datarc": {}}),
        "of the kind Wav2Letter does not travel",
    ),
    "of IC without its table": (
        _experiment(downstream="fluent_commands", recipe={"datarc": {"file_path": "nowhere"}}),
        "train_data.csv",
    ),
    "of an upstream fine-tuned at another depth": (_run(layers=3), "with 3 layers"),
    "fine-tuned for diarization": (_run(task="sd"), "a fine-tuned head of sd does not travel"),
    "of a fine-tuning without settings": (_run(), "hyperparams.yaml"),
    "of a fine-tuning without a depth": (_run(layers=None), "is not the record of a fine-tuning"),
}
ROWS = [Row(f"export: a head {what}", EXPORT, says, {"trained": make}) for what, (make, says) in HEADS.items()]
