"""s3prl's own HuBERT, wav2vec 2.0, WavLM and data2vec as models of transformers: `convert` the other way.

Both libraries hold the same tensors under other names. The sizes are read off the built upstream, not off its config,
whose keys have defaults; that the two compute the same is measured on every conversion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError
from ..sampling import SAMPLE_RATE
from .families import family_of

#: Largest difference of a state, against its standard deviation: transformers adds 1e-7 to the variance of a
#: waveform that it normalises, s3prl 1e-5.
TOLERANCE = 1e-3

_CONVOLUTIONS = r"^feature_extractor\.conv_layers\.(\d+)\."
_RENAMED = (
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (_CONVOLUTIONS + r"0\.", r"feature_extractor.conv_layers.\1.conv."),
    (_CONVOLUTIONS + r"2\.(?:1\.)?", r"feature_extractor.conv_layers.\1.layer_norm."),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"^encoder\.pos_conv\.0\.bias$", "encoder.pos_conv_embed.conv.bias"),
    (r"^encoder\.pos_conv\.(\d+)\.0\.", r"encoder.pos_conv_embed.layers.\1.conv."),
    (r"^(encoder\.layers\.\d+\.)self_attn\.grep_a$", r"\1attention.gru_rel_pos_const"),
    (r"^(encoder\.layers\.\d+\.)self_attn\.grep_linear\.", r"\1attention.gru_rel_pos_linear."),
    (r"^(encoder\.layers\.\d+\.)self_attn\.relative_attention_bias\.", r"\1attention.rel_attn_embed."),
    (r"^(encoder\.layers\.\d+\.)self_attn\.", r"\1attention."),
    (r"^(encoder\.layers\.\d+\.)self_attn_layer_norm\.", r"\1layer_norm."),
    (r"^(encoder\.layers\.\d+\.)fc1\.", r"\1feed_forward.intermediate_dense."),
    (r"^(encoder\.layers\.\d+\.)fc2\.", r"\1feed_forward.output_dense."),
)
#: What only pretraining uses.
_PRETRAINING = re.compile(r"^(final_proj|label_embs_concat|quantizer|project_q|project_inp|target_glu|_ema)\b")


@dataclass(frozen=True)
class Kind:
    """What transformers calls a family: its model's class, its config's class, and s3prl's entry for such a folder."""

    model: str
    config: str
    entry: str


KINDS = {
    "hubert": Kind("HubertModel", "HubertConfig", "hf_hubert_custom"),
    "wav2vec2": Kind("Wav2Vec2Model", "Wav2Vec2Config", "hf_wav2vec2_custom"),
    "wavlm": Kind("WavLMModel", "WavLMConfig", "hf_wavlm_custom"),
    "data2vec": Kind("Data2VecAudioModel", "Data2VecAudioConfig", ""),
}


def check_kind(name: str, family: str) -> Kind:
    """What transformers calls a family of native upstreams.

    Raises:
        ConfigError: transformers' format is not written for it.
    """
    if family not in KINDS:
        raise ConfigError(
            f"{name} cannot be exported in transformers' format: that is written for {', '.join(KINDS)} and the hf_* "
            f"upstreams, and this is a {family}"
        )
    return KINDS[family]


def to_transformers(name: str, expert: Any, *, dropped_norm: bool = False) -> tuple[Any, Any]:
    """A native upstream as a model of transformers.

    Args:
        name: the upstream, for messages.
        expert: it, in eval mode.
        dropped_norm: take a pre-norm cut that has no final LayerNorm; the model then has none either, and lives in
            memory only: transformers would not load it again.

    Returns:
        The model, in eval mode, and the feature extractor that prepares its waveforms.

    Raises:
        ConfigError: transformers' format is not written for its family.
        CheckpointError: the upstream has something that transformers' model lacks, or their states differ.
    """
    import transformers

    family = family_of(expert).name
    kind = check_kind(name, family)
    native = expert.model
    dropped = isinstance(native.encoder.layer_norm, nn.Identity)
    if dropped and not dropped_norm:
        raise ConfigError(
            f"{name} is a pre-norm upstream: a model of transformers always applies the final LayerNorm to its last "
            "state; export with final_norm 'keep', or use the cut by its name, which leaves the state as it is"
        )
    config = getattr(transformers, kind.config)(**_sizes(name, family, native))
    with torch.random.fork_rng(devices=[]):
        model = getattr(transformers, kind.model)(config).eval()
    weights = _renamed(native)
    if native.post_extract_proj is None:  # as wide as the layers: transformers' model projects all the same
        width = config.hidden_size
        weights["feature_projection.projection.weight"] = torch.eye(width)
        weights["feature_projection.projection.bias"] = torch.zeros(width)
    if dropped:
        model.encoder.layer_norm = nn.Identity()
    _load(name, model, weights)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=_normalizes(expert), return_attention_mask=True)
    _check_states(name, expert, model, extractor)
    return model, extractor


def _sizes(name: str, family: str, native: Any) -> dict[str, Any]:
    """The config of transformers that states the sizes of a native model."""
    encoder, blocks = native.encoder, native.feature_extractor.conv_layers
    convolutions = [block[0] for block in blocks]
    layer = next(iter(encoder.layers), None)
    if layer is None:
        raise ConfigError(f"{name} cannot be exported without layers: transformers then gives no hidden state")
    if not hasattr(layer, "fc1"):
        raise CheckpointError(f"{name} is built of conformer layers; transformers' {KINDS[family].model} has none")
    positions = [module for module in encoder.pos_conv.modules() if isinstance(module, nn.Conv1d)]
    normed = [sum(1 for module in block.modules() if isinstance(module, nn.LayerNorm)) for block in blocks]
    by_layer = all(normed)
    sizes: dict[str, Any] = {
        "num_hidden_layers": len(encoder.layers),
        "hidden_size": encoder.embedding_dim,
        "intermediate_size": layer.fc1.out_features,
        "num_attention_heads": layer.self_attn.num_heads,
        "conv_dim": [convolution.out_channels for convolution in convolutions],
        "conv_kernel": [convolution.kernel_size[0] for convolution in convolutions],
        "conv_stride": [convolution.stride[0] for convolution in convolutions],
        "conv_bias": convolutions[0].bias is not None,
        "num_feat_extract_layers": len(convolutions),
        "num_conv_pos_embedding_groups": positions[0].groups,
        "layerdrop": 0.0,
    }
    if family == "data2vec":
        if encoder.layer_norm_first or not by_layer:
            what = "pre-norm" if encoder.layer_norm_first else "normalised by groups in its convolutions"
            raise CheckpointError(f"{name} is {what}; transformers' {KINDS[family].model} is never")
        return sizes | {"conv_pos_kernel_size": positions[0].kernel_size[0], "num_conv_pos_embeddings": len(positions)}
    sizes |= {
        "num_conv_pos_embeddings": positions[0].kernel_size[0],
        "do_stable_layer_norm": bool(encoder.layer_norm_first),
        "feat_extract_norm": "layer" if by_layer else "group",
        # transformers 5 gives the last state after the final LayerNorm if asked, transformers 4 always
        "tie_last_hidden_states": True,
    }
    if family == "wavlm":
        sizes |= {"num_buckets": layer.self_attn.num_buckets, "max_bucket_distance": layer.self_attn.max_distance}
    return sizes


def _renamed(native: nn.Module) -> dict[str, Tensor]:
    weights = {}
    for name, tensor in native.state_dict().items():
        if _PRETRAINING.match(name):
            continue
        for pattern, replacement in _RENAMED:
            name, found = re.subn(pattern, replacement, name)
            if found:
                break
        weights[name] = tensor.clone()
    return weights


def _load(name: str, model: nn.Module, weights: dict[str, Tensor]) -> None:
    expected = model.state_dict()
    if lacking := sorted(expected.keys() - weights.keys() - {"masked_spec_embed"}):
        raise CheckpointError(f"{name} has no {lacking[0]}, which transformers' {type(model).__name__} needs")
    if unknown := sorted(weights.keys() - expected.keys()):
        raise CheckpointError(f"{name} has {unknown[0]}, for which transformers' {type(model).__name__} has no place")
    for key, tensor in weights.items():
        if tensor.shape != expected[key].shape:
            raise CheckpointError(
                f"{name}: {key} is {tuple(tensor.shape)}; transformers' {type(model).__name__} has "
                f"{tuple(expected[key].shape)}"
            )
    model.load_state_dict(weights, strict=False)


def _normalizes(expert: Any) -> bool:
    """Whether the upstream wants a waveform of mean 0 and variance 1; each family says it elsewhere."""
    for holder, attribute in (("task_cfg", "normalize"), ("cfg", "normalize"), ("", "wav_normalize")):
        where = getattr(expert, holder, None) if holder else expert
        if where is not None and hasattr(where, attribute):
            return bool(getattr(where, attribute))
    return False


def _check_states(name: str, expert: Any, model: Any, extractor: Any) -> None:
    wav = 0.1 * torch.randn(SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
    values = extractor(wav.numpy(), sampling_rate=SAMPLE_RATE, return_tensors="pt")
    with torch.no_grad():
        native = expert([wav])["hidden_states"]
        output = model(**values, output_hidden_states=True)
    states = (*output.hidden_states[:-1], output.last_hidden_state)
    if len(states) != len(native):
        raise CheckpointError(f"{name} gives {len(native)} hidden states, converted to transformers {len(states)}")
    for index, (ours, theirs) in enumerate(zip(native, states, strict=True)):
        difference = float((ours - theirs).abs().max() / ours.std())
        if not difference <= TOLERANCE:
            raise CheckpointError(
                f"{name} converted to transformers gives another state after {index} layers (by {difference:.2g} "
                "standard deviations): something in its checkpoint has no counterpart there"
            )
