"""Layer dropping that is not a cut at the top (Sajjad et al. 2023): bottom, symmetric and alternate.

What is left is an ordinary transformers model with fewer layers. It is written as one, with an upstream config that
names it, so the grid scores it like any other upstream.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml


def kept_layers(strategy: str, kept: int, available: int) -> list[int]:
    """The layers that a strategy keeps, bottom first.

    >>> kept_layers("bottom", 4, 12), kept_layers("symmetric", 5, 12), kept_layers("alternate", 6, 12)
    ([8, 9, 10, 11], [0, 1, 2, 10, 11], [0, 2, 4, 7, 9, 11])
    """
    upper = kept // 2
    return {
        "bottom": list(range(available - kept, available)),
        "symmetric": [*range(kept - upper), *range(available - upper, available)],
        "alternate": np.linspace(0, available - 1, kept).round().astype(int).tolist(),
    }[strategy]


def write_subset(strategy: str, kept: int, checkpoint: Path, folder: Path) -> str:
    """Write the model and its upstream config under `folder`; returns the upstream's name."""
    from transformers import HubertModel, Wav2Vec2FeatureExtractor

    name = f"tiny_{strategy}_{kept}"
    target = folder / "models" / name
    if not (target / "model.safetensors").exists():
        model = HubertModel.from_pretrained(checkpoint)
        layers = model.encoder.layers
        chosen = kept_layers(strategy, kept, len(layers))
        model.encoder.layers = type(layers)(layers[index] for index in chosen)
        model.config.num_hidden_layers = len(chosen)
        model.save_pretrained(target)
        Wav2Vec2FeatureExtractor.from_pretrained(checkpoint).save_pretrained(target)
    config = {
        "name": name,
        "base": "hf_hubert_custom",
        "layers": kept,
        "base_args": {"ckpt": str(target.resolve())},
    }
    configs = folder / "upstream_configs"
    configs.mkdir(parents=True, exist_ok=True)
    (configs / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return name
