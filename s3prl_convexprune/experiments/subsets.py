"""Layer dropping that is not a cut at the top: by position (Sajjad et al. 2023), or by what a rival measured.

What is left is an ordinary transformers model with fewer layers. It is written as one, with an upstream config that
names it, so the grid scores it like any other upstream.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import atomic
from ..errors import ArtifactError, ConfigError
from ..fingerprint import weights_sha256
from ..schema import read_text
from .study import Base

#: Families that a model without some of its layers can be written for, as one of transformers that the hub loads.
FAMILIES = ("hf_hubert", "hf_wav2vec2", "hf_wavlm", "hf_whisper", "hubert", "wav2vec2", "wavlm")
WEIGHTS = "whole_weights.sha256"  # beside a model: over those of the whole upstream that it was made of


def kept_layers(strategy: str, kept: int, available: int) -> list[int]:
    """The layers that a strategy keeps, counted from 1, bottom first.

    >>> kept_layers("bottom", 4, 12), kept_layers("symmetric", 5, 12), kept_layers("alternate", 6, 12)
    ([9, 10, 11, 12], [1, 2, 3, 11, 12], [1, 3, 5, 8, 10, 12])
    """
    upper = kept // 2
    return {
        "bottom": list(range(available - kept + 1, available + 1)),
        "symmetric": [*range(1, kept - upper + 1), *range(available - upper + 1, available + 1)],
        "alternate": np.linspace(1, available, kept).round().astype(int).tolist(),
    }[strategy]


def check_family(base: Base, family: str | None) -> None:
    """Refuse an upstream that can be cut at the top only.

    Args:
        base: the whole upstream.
        family: its family's name.

    Raises:
        ConfigError: it is of another family than `FAMILIES`.
    """
    if family not in FAMILIES:
        raise ConfigError(
            f"{base.entry}: rules that drop other than the top layers write a model in transformers' format, which "
            f"is done for {', '.join(FAMILIES)}; leave those rules out"
        )


def subset_name(base: Base, layers: Sequence[int]) -> str:
    """What a subset is called on the hub.

    >>> subset_name(Base("tiny", "tiny"), [1, 2, 3, 5, 8, 9])
    'tiny_layers_1to3_5_8to9'
    """
    runs: list[list[int]] = []
    for layer in layers:
        if runs and runs[-1][-1] == layer - 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return f"{base.name}_layers_" + "_".join(f"{run[0]}to{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def write_subset(base: Base, layers: Sequence[int], output: Path, weights: str) -> str:
    """Write an upstream with a subset of its layers, and its config, under `output`.

    A pre-norm model keeps its final LayerNorm, which follows whatever layer is then the last.

    Args:
        base: the whole upstream.
        layers: which layers it keeps, counted from 1, bottom first.
        output: the study's folder.
        weights: SHA-256 over the weights of the whole upstream that was analysed.

    Returns:
        The subset's name on the hub.

    Raises:
        ConfigError: as `check_family`.
        ArtifactError: the whole upstream, or the one of a model that is there already, has other weights.
    """
    name = subset_name(base, layers)
    folder = output / "models" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as temporary:
            written = Path(temporary) / name
            atomic.write_text(written / WEIGHTS, f"{_write(base, layers, written)}\n")
            for file in written.iterdir():
                atomic.with_usual_mode(file)
            try:
                written.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another shard was first
                    raise
    if read_text(folder / WEIGHTS).strip() != weights:
        raise ArtifactError(
            f"{folder}: was made of other weights than the analysis of {base.name}; take another output folder"
        )
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    base_args = {"ckpt": str(folder.resolve())}
    config = {"name": name, "base": f"hf_{kind}_custom", "layers": len(layers), "base_args": base_args}
    atomic.write_text(output / "upstream_configs" / f"{name}.yaml", yaml.safe_dump(config, sort_keys=False))
    return name


def _write(base: Base, layers: Sequence[int], folder: Path) -> str:
    """Write the model; returns the SHA-256 over the whole upstream's weights."""
    from ..upstreams.families import family_of
    from ..upstreams.registry import build_upstream
    from ..upstreams.to_transformers import to_transformers
    from ..upstreams.whisper import UpstreamExpert as Whisper
    from ..upstreams.whisper import save_encoder

    expert: Any = build_upstream(base.entry, ckpt=base.ckpt).eval()
    check_family(base, family_of(expert).name)
    weights = weights_sha256(expert)
    if isinstance(expert, Whisper):
        _keep(expert.model, layers)
        save_encoder(expert.model, folder)
        return weights
    model: Any = getattr(expert, "model", None)
    extractor: Any = getattr(expert, "extracter", None)
    if not hasattr(model, "save_pretrained") or extractor is None:
        model, extractor = to_transformers(base.entry, expert)
    _keep(model.encoder, layers)
    model.config.num_hidden_layers = len(layers)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return weights


def _keep(encoder: Any, layers: Sequence[int]) -> None:
    """Drop the other layers of a model of transformers.

    WavLM's first layer holds the embedding of relative positions that all layers use: it passes to whatever is first.
    """
    before = encoder.layers
    encoder.layers = type(before)(before[layer - 1] for layer in layers)
    positions = getattr(getattr(before[0], "attention", None), "rel_attn_embed", None)
    if positions is not None:
        encoder.layers[0].attention.rel_attn_embed = positions
