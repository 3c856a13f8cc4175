"""What s3prl leaves of a training of KS, SID or ER on a tiny cut; the head's modules are s3prl's own."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from s3prl_convexprune.upstreams import registry

NAME = "tiny_hubert_convexpruned_L1"
LABELS = {"speech_commands": 12, "voxceleb1": 1251, "emotion": 4}
EMOTIONS = {"neu": 2, "hap": 0, "ang": 3, "sad": 1}
WIDTH, PROJECTED = 128, 256


def modules(labels: int) -> tuple[nn.Linear, Any]:
    """The projector and the model of s3prl's linear experts."""
    registry.load_hub()
    from s3prl.downstream.model import UtteranceLevel

    return nn.Linear(WIDTH, PROJECTED), UtteranceLevel(PROJECTED, labels)


def experiment(
    folder: Path, *, upstream: str = NAME, states: int = 2, downstream: str = "speech_commands", ckpt: str | None = None
) -> Path:
    """An experiment's folder, with random weights."""
    torch.manual_seed(0)
    projector, model = modules(LABELS.get(downstream, 12))
    held = {f"projector.{key}": value for key, value in projector.state_dict().items()}
    held |= {f"model.{key}": value for key, value in model.state_dict().items()}
    args = Namespace(
        upstream=upstream,
        upstream_ckpt=ckpt,
        downstream=downstream,
        downstream_variant=None,
        upstream_feature_selection="hidden_states",
        upstream_feature_normalize=False,
    )
    folder.mkdir()
    data: dict[str, Any] = {}
    if downstream == "emotion":
        data = {"meta_data": str(folder / "meta"), "test_fold": "fold2"}
        (folder / "meta" / "Session2").mkdir(parents=True)
        (folder / "meta" / "Session2" / "train_meta_data.json").write_text(json.dumps({"labels": EMOTIONS}))
    config = {"downstream_expert": {"datarc": data}}
    content = {"Args": args, "Config": config, "Downstream": held, "Featurizer": {"weights": torch.randn(states)}}
    torch.save(content, folder / "dev-best.ckpt")
    return folder


def logits(folder: Path, wavs: list[Tensor]) -> Tensor:
    """What s3prl's own modules give for a batch of waveforms, padded as its experts pad it."""
    content = torch.load(folder / "dev-best.ckpt", weights_only=False)
    upstream = registry.build_upstream(content["Args"].upstream).eval()
    from s3prl.upstream.interfaces import Featurizer

    featurizer = Featurizer(upstream, upstream_device="cpu")
    featurizer.load_state_dict(content["Featurizer"])
    projector, model = modules(LABELS[content["Args"].downstream])
    for name, part in {"projector": projector, "model": model}.items():
        held = content["Downstream"].items()
        part.load_state_dict({key[len(name) + 1 :]: value for key, value in held if key.startswith(f"{name}.")})
    with torch.no_grad():
        features = featurizer(wavs, upstream(wavs))
        padded = nn.utils.rnn.pad_sequence(list(features), batch_first=True)
        found, _ = model(projector(padded), torch.tensor([len(feature) for feature in features]))
    return found
