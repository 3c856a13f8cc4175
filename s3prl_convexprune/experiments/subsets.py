"""Layer dropping that is not a cut at the top (Sajjad et al. 2023): bottom, symmetric and alternate.

What is left is an ordinary transformers model with fewer layers. It is written as one, with an upstream config that
names it, so the grid scores it like any other upstream.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import atomic
from ..errors import ConfigError
from .study import Base


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


def write_subset(strategy: str, kept: int, base: Base, output: Path) -> str:
    """Write an upstream with a subset of its layers, and its config, under `output`.

    Args:
        strategy: ``bottom``, ``symmetric`` or ``alternate``.
        kept: how many layers it keeps.
        base: the whole upstream, of a family in transformers' format.
        output: the study's folder.

    Returns:
        The subset's name on the hub.

    Raises:
        ConfigError: the upstream is not in transformers' format.
    """
    from ..upstreams.registry import build_upstream

    name = f"{base.name}_{strategy}_{kept}"
    folder = output / "models" / name
    if not folder.is_dir():
        expert = build_upstream(base.entry, ckpt=base.ckpt)
        model: Any = getattr(expert, "model", None)
        if not hasattr(model, "save_pretrained") or not hasattr(expert, "extracter"):
            raise ConfigError(
                f"the rule {strategy} writes a model in transformers' format, which {base.entry} is not; "
                "use an hf_* upstream or leave the rule out"
            )
        layers = model.encoder.layers
        chosen = kept_layers(strategy, kept, len(layers))
        model.encoder.layers = type(layers)(layers[index] for index in chosen)
        model.config.num_hidden_layers = len(chosen)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as temporary:
            written = Path(temporary) / name
            model.save_pretrained(written)
            expert.extracter.save_pretrained(written)
            for file in written.iterdir():
                atomic.with_usual_mode(file)
            shutil.move(written, folder)
    entry = f"hf_{_kind(folder)}_custom"
    config = {"name": name, "base": entry, "layers": kept, "base_args": {"ckpt": str(folder.resolve())}}
    atomic.write_text(output / "upstream_configs" / f"{name}.yaml", yaml.safe_dump(config, sort_keys=False))
    return name


def _kind(folder: Path) -> str:
    import json

    return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
