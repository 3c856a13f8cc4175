"""Tiny checkpoints with random weights for every family, from s3prl's and transformers' own model classes.

No network. ``CASES["hubert-post"].build(folder)`` writes a checkpoint and returns the path that the hub
entry ``CASES["hubert-post"].entry`` takes as ``ckpt``. Every parameter is random, LayerNorms included, so
that a LayerNorm applied where it should not be shows. Importing this module imports torch; building also
imports s3prl's modules, so `s3prl_convexprune.compat.apply()` comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

LAYERS = 4
HIDDEN = 32
CONV = "[(32,10,5)] + [(32,3,2)] * 4 + [(32,2,2)] * 2"


@dataclass(frozen=True)
class Case:
    """One kind of checkpoint.

    Attributes:
        name: ``<family>-<variant>``.
        entry: the hub entry that loads it.
        make: writes the checkpoint: ``make(folder, layers, seed, **sizes)`` -> the path for ``ckpt``.
        layers: how many transformer layers it gets by default.
    """

    name: str
    entry: str
    make: Callable[..., Path]
    layers: int = LAYERS

    @property
    def family(self) -> str:
        return self.name.rsplit("-", 1)[0]

    def build(self, folder: Path, layers: int | None = None, seed: int = 0, **sizes: Any) -> Path:
        """Write the checkpoint under `folder` (made if missing); the same arguments give the same weights."""
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make(folder, self.layers if layers is None else layers, **sizes)


def randomised(model: nn.Module) -> nn.Module:
    """The model with noise on every parameter, so that no LayerNorm is left at weight 1 and bias 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def fairseq_config(layers: int, pre_norm: bool, **sizes: Any) -> dict[str, Any]:
    """The keys that HuBERT, wav2vec 2.0, data2vec and WavLM configs share, tiny unless `sizes` say otherwise."""
    return {
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "layer_norm_first": pre_norm,
        "extractor_mode": "layer_norm" if pre_norm else "default",
        "conv_bias": pre_norm,
        "encoder_layerdrop": 0.5,
        "dropout": 0.1,
    } | sizes


def hubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.hubert.hubert_model import HubertConfig, HubertModel, HubertPretrainingConfig

    config = fairseq_config(layers, pre_norm, **{"final_dim": 16, **sizes})
    task = {"label_rate": 50.0, "sample_rate": 16000, "normalize": pre_norm}
    config["label_rate"] = task["label_rate"]
    symbols = [[str(i) for i in range(10)]]
    model = HubertModel(HubertConfig(**config), HubertPretrainingConfig(**task), symbols)
    path = folder / "hubert.pt"
    torch.save(
        {
            "task_cfg": task,
            "model_cfg": config,
            "model_weight": randomised(model).state_dict(),
            "dictionaries_symbols": symbols,
        },
        path,
    )
    return path


def wav2vec2(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    config = fairseq_config(layers, pre_norm, **{"final_dim": 16, "quantize_targets": True, **sizes})
    model = Wav2Vec2Model(Wav2Vec2Config(**config))
    path = folder / "wav2vec2.pt"
    task = {"sample_rate": 16000, "normalize": pre_norm}
    torch.save({"task_cfg": task, "model_cfg": config, "model_weight": randomised(model).state_dict()}, path)
    return path


def data2vec(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.data2vec.data2vec_model import Data2VecAudioConfig, Data2VecAudioModel

    config = fairseq_config(layers, pre_norm, **{"average_top_k_layers": 2, **sizes})
    model = Data2VecAudioModel(Data2VecAudioConfig(**config))
    model.remove_pretraining_modules()
    weights = dict(randomised(model).state_dict())
    teacher = {
        name.removeprefix("encoder."): weight.clone()
        for name, weight in weights.items()
        if name.startswith("encoder.")
    }
    path = folder / "data2vec.pt"
    task = {"sample_rate": 16000, "normalize": pre_norm}
    torch.save({"task_cfg": task, "model_cfg": config, "model_weight": weights | {"_ema": teacher}}, path)
    return path


def wavlm(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig

    config = fairseq_config(
        layers,
        pre_norm,
        **{
            "normalize": pre_norm,
            "relative_position_embedding": True,
            "num_buckets": 32,
            "max_distance": 80,
            "gru_rel_pos": True,
            **sizes,
        },
    )
    model = WavLM(WavLMConfig(config))
    path = folder / "wavlm.pt"
    torch.save({"cfg": config, "model": randomised(model).state_dict()}, path)
    return path


def transformers_model(folder: Path, layers: int, pre_norm: bool, kind: str, **sizes: Any) -> Path:
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        **{
            "num_hidden_layers": layers,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_attention_heads": 4,
            "conv_dim": [32] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "do_stable_layer_norm": pre_norm,
            "feat_extract_norm": "layer" if pre_norm else "group",
            "conv_bias": pre_norm,
            "layerdrop": 0.5,
            "mask_time_prob": 0.0,
            **sizes,
        }
    )
    path = folder / kind.lower()
    randomised(getattr(transformers, f"{kind}Model")(config)).save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=pre_norm, return_attention_mask=True).save_pretrained(
        path
    )
    return path


def _variants(family: str, entry: str, make: Callable[..., Path], **fixed: Any) -> list[Case]:
    def variant(pre_norm: bool) -> Callable[..., Path]:
        return lambda folder, layers, **sizes: make(folder, layers, pre_norm, **fixed, **sizes)

    return [
        Case(f"{family}-post", entry, variant(False)),
        Case(f"{family}-pre", entry, variant(True)),
    ]


CASES: dict[str, Case] = {
    case.name: case
    for case in [
        *_variants("hubert", "hubert_custom", hubert),
        *_variants("wav2vec2", "wav2vec2_custom", wav2vec2),
        *_variants("wavlm", "wavlm_local", wavlm),
        *_variants("unispeech_sat", "unispeech_sat_local", wavlm),
        *_variants("data2vec", "data2vec_custom", data2vec),
        *_variants("hf_hubert", "hf_hubert_custom", transformers_model, kind="Hubert"),
        *_variants("hf_wav2vec2", "hf_wav2vec2_custom", transformers_model, kind="Wav2Vec2"),
        *_variants("hf_wavlm", "hf_wavlm_custom", transformers_model, kind="WavLM"),
    ]
}
