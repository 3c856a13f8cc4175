"""A model in transformers' format is loaded whole or not at all: what a folder lacks does not become random numbers.

s3prl's ``hf_*`` upstreams call ``from_pretrained``, which answers missing weights with a log line. Here they are errors
that name the weight. Code is never loaded: the class is stated, so an ``auto_map`` is not looked at, and an attention
implementation that would be fetched from the hub is refused.
"""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from .._importhook import on_import
from ..errors import CheckpointError, ConvexPruneError
from .hf_models import check_object, find_file
from .remedy import Remedy

MODELS = {"s3prl.upstream.hf_hubert.expert": "HubertModel", "s3prl.upstream.hf_wav2vec2.expert": "Wav2Vec2Model"}
#: Only pretraining reads it; checkpoints of fine-tuned models often lack it.
UNREAD = ("masked_spec_embed",)
LAYER = re.compile(r"(?:^|\.)encoder\.layers\.(\d+)\.")
ATTENTION = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")


def load_model(model_class: Any, checkpoint: str, **options: Any) -> Any:
    """``model_class.from_pretrained`` that leaves no weight at a random value.

    Args:
        model_class: a model class of transformers (``HubertModel``, ``Wav2Vec2Model``, ``WavLMModel``).
        checkpoint: a folder in transformers' format, or a model id of the Hugging Face hub.
        **options: as `from_pretrained` takes them.

    Raises:
        CheckpointError: a weight is missing, has another shape than the config says, or is not finite; or the files
            cannot be read, or ask for code.
    """
    import torch
    from safetensors import SafetensorError

    from ..safe_load import check_config, check_finite

    check_object(checkpoint, "config.json")
    try:
        config, _ = model_class.config_class.get_config_dict(checkpoint, **options)
        check_config(f"{checkpoint}/config.json", config)
        check_attention(checkpoint, config)
        _check_depth(checkpoint, config)
        model, info = model_class.from_pretrained(
            checkpoint, output_loading_info=True, ignore_mismatched_sizes=True, **{"dtype": torch.float32, **options}
        )
    except (ConvexPruneError, ImportError):
        raise
    except SafetensorError as error:
        raise CheckpointError(f"{checkpoint} is truncated or damaged: {error}") from error
    except (OSError, ValueError, RuntimeError, TypeError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{checkpoint}: transformers cannot load it: {reason}") from error
    weights = model.state_dict()
    # transformers 5 gives a name and two shapes, transformers 4 the name
    wrong_shape = sorted(key if isinstance(key, str) else key[0] for key in info["mismatched_keys"])
    if wrong_shape:
        name = wrong_shape[0]
        raise CheckpointError(
            f"{checkpoint}: {name} does not have the shape {tuple(weights[name].shape)} that its config.json asks for"
            f"{_more(wrong_shape)}"
        )
    lacking = sorted(name for name in info["missing_keys"] if not name.endswith(UNREAD))
    if lacking:
        raise CheckpointError(f"{checkpoint} lacks {lacking[0]}{_more(lacking)}, which its config.json asks for")
    check_finite(checkpoint, weights)
    return model


def check_attention(checkpoint: str, config: dict[str, Any]) -> None:
    """Refuse an attention implementation that would be fetched from the hub.

    Raises:
        CheckpointError: the config names one.
    """
    for key in ATTENTION:
        if not isinstance(config.get(key, ""), (str, type(None))) or "/" in (config.get(key) or ""):
            raise CheckpointError(
                f"{checkpoint}/config.json: {key} names code on the Hugging Face hub: it was refused and not fetched; "
                "take the key out"
            )


def _check_depth(checkpoint: str, config: dict[str, Any]) -> None:
    """Layers that are stated and not there would all be made first, then missed."""
    from safetensors import safe_open

    path = find_file(checkpoint, "model.safetensors")
    if path is None:
        return
    with safe_open(path, framework="pt") as weights:
        found = {int(match[1]) for name in weights.keys() if (match := LAYER.search(name))}  # noqa: SIM118
    stated = config.get("num_hidden_layers", 0)
    if stated > len(found):
        raise CheckpointError(
            f"{checkpoint}: its config.json says num_hidden_layers {stated}, its weights have {len(found)}; "
            f"encoder.layers.{min(set(range(stated)) - found)} is missing"
        )


def _more(names: list[Any]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


class _Whole:
    """Stands for a model class in one of s3prl's modules."""

    def __init__(self, model_class: Any) -> None:
        self.model_class = model_class

    def from_pretrained(self, checkpoint: Any, **options: Any) -> Any:
        return load_model(self.model_class, str(checkpoint), **options)


def _mend(module: ModuleType) -> None:
    name = MODELS[module.__name__]
    setattr(module, name, _Whole(getattr(module, name)))


def patch() -> None:
    for expert in MODELS:
        on_import(expert, after=_mend)


REMEDY = Remedy(
    name="hf_weights",
    target="s3prl.upstream.hf_hubert.expert, s3prl.upstream.hf_wav2vec2.expert",
    why="transformers fills weights that a folder lacks with random numbers and says so in a log line only",
    needed=lambda: True,
    patch=patch,
)
