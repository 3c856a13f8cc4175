"""transformers' HuBERT and wav2vec2 folders as the checkpoints that s3prl's own models load.

s3prl's ``hubert_custom`` and ``wav2vec2_custom`` read one file with fairseq's parameter names; transformers
keeps ``config.json`` and weights with its own. Both name the same tensors, so converting is renaming.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic import write_bytes
from ..compat.hf_weights import load_model
from ..errors import CheckpointError, nearest
from ..sampling import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_RENAMED = (
    (r"masked_spec_embed", "mask_emb"),
    (r"feature_projection\.layer_norm\.", "layer_norm."),
    (r"feature_projection\.projection\.", "post_extract_proj."),
    (r"feature_extractor\.conv_layers\.(\d+)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0", "encoder.pos_conv.0.weight_g"),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1", "encoder.pos_conv.0.weight_v"),
    (r"encoder\.pos_conv_embed\.conv\.", "encoder.pos_conv.0."),
    (r"(encoder\.layers\.\d+)\.attention\.", r"\1.self_attn."),
    (r"(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.intermediate_dense\.", r"\1.fc1."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.output_dense\.", r"\1.fc2."),
)  # fmt: skip
_CONV_NORM = r"feature_extractor\.conv_layers\.(\d+)\.layer_norm\."
_FAMILIES = ("hubert", "wav2vec2")


def hf_to_s3prl(directory: str | Path, output: str | Path) -> Path:
    """Convert a HuBERT or wav2vec2 in transformers' format to s3prl's.

    Args:
        directory: a folder with ``config.json``, weights and ``preprocessor_config.json``.
        output: the file to write; ``hubert_custom(ckpt=output)`` or ``wav2vec2_custom(ckpt=output)`` loads it
            and gives the hidden states that ``hf_hubert_custom`` or ``hf_wav2vec2_custom`` gave.

    Returns:
        The path of the file.

    Raises:
        CheckpointError: a missing file, another family, or an architecture that s3prl's model does not have.
    """
    import torch

    directory = Path(directory)
    family = _json(directory / "config.json").get("model_type", "")
    if family not in _FAMILIES:
        raise CheckpointError(f"{directory} holds a model of type {family!r}{nearest(family, _FAMILIES)}")
    normalize = _json(directory / "preprocessor_config.json").get("do_normalize", True)
    if not isinstance(normalize, bool):
        raise CheckpointError(f"{directory}: do_normalize is {str(normalize)[:40]!r}; expected true or false")
    source = _load(directory, family)
    _check(directory, source.config)
    converted = {_native_name(name, source.config): tensor for name, tensor in source.state_dict().items()}
    model_cfg, native = _native_model(family, source.config, normalize)
    weights = native.state_dict()
    for name, tensor in weights.items():
        weights[name] = converted.pop(name, torch.zeros_like(tensor)).clone()
    if converted:
        raise CheckpointError(f"{directory}: s3prl's {family} has no place for {sorted(converted)[:3]}")
    state: dict[str, Any] = {
        "task_cfg": {"sample_rate": SAMPLE_RATE, "normalize": normalize},
        "model_cfg": model_cfg,
        "model_weight": weights,
    }
    if family == "hubert":
        state["dictionaries_symbols"] = [None]
    content = io.BytesIO()
    torch.save(state, content)
    return write_bytes(output, content.getvalue())


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is missing or not JSON; expected a folder that transformers saved") from error


def _load(directory: Path, family: str) -> Any:
    from transformers import HubertModel, Wav2Vec2Model

    model_class: Any = {"hubert": HubertModel, "wav2vec2": Wav2Vec2Model}[family]
    return load_model(model_class, str(directory), local_files_only=True).float().eval()


def _check(directory: Path, config: PretrainedConfig) -> None:
    """Raise where transformers has a choice that s3prl's model lacks."""
    expected = {
        "hidden_act": "gelu",
        "feat_extract_activation": "gelu",
        "feat_proj_layer_norm": True,
        "conv_pos_batch_norm": False,
        "add_adapter": False,
    }
    for key, value in expected.items():
        if getattr(config, key, value) != value:
            raise CheckpointError(f"{directory}: {key} is {getattr(config, key)!r}; s3prl's model has {value!r} only")
    if config.conv_dim[-1] == config.hidden_size:
        raise CheckpointError(
            f"{directory}: the convolutions are as wide as the layers ({config.hidden_size}); s3prl's model "
            "has no projection between the two then"
        )


def _native_name(name: str, config: PretrainedConfig) -> str:
    norm = r"feature_extractor.conv_layers.\1.2." + ("1." if config.feat_extract_norm == "layer" else "")
    for pattern, replacement in ((_CONV_NORM, norm), *_RENAMED):
        name, count = re.subn("^" + pattern, replacement, name)
        if count:
            return name
    return name


def _native_model(family: str, config: PretrainedConfig, normalize: bool) -> tuple[dict[str, Any], Any]:
    """s3prl's configuration of the same architecture and a model of it.

    `final_dim` belongs to the pretraining head, which has no counterpart and is left at zero.
    """
    convolutions = list(zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True))
    cfg: dict[str, Any] = {
        "extractor_mode": "layer_norm" if config.feat_extract_norm == "layer" else "default",
        "encoder_layers": config.num_hidden_layers,
        "encoder_embed_dim": config.hidden_size,
        "encoder_ffn_embed_dim": config.intermediate_size,
        "encoder_attention_heads": config.num_attention_heads,
        "layer_norm_first": config.do_stable_layer_norm,
        "conv_feature_layers": str(convolutions),
        "conv_bias": config.conv_bias,
        "conv_pos": config.num_conv_pos_embeddings,
        "conv_pos_groups": config.num_conv_pos_embedding_groups,
        "encoder_layerdrop": 0.0,
        "final_dim": 1,
    }
    if family == "hubert":
        from s3prl.upstream.hubert.hubert_model import HubertConfig, HubertModel, HubertPretrainingConfig

        cfg["label_rate"] = 50.0
        return cfg, HubertModel(HubertConfig(**cfg), HubertPretrainingConfig(normalize=normalize), [None])
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    return cfg, Wav2Vec2Model(Wav2Vec2Config(**cfg))
