"""Checkpoints of models that came from fairseq, in s3prl's format: HuBERT, wav2vec 2.0, data2vec, WavLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.checkpoints.case import HIDDEN, randomised

CONV = "[(32,10,5)] + [(32,3,2)] * 4 + [(32,2,2)] * 2"


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


def multires_hubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    """An hourglass of three stacks at 50, 25 and 50 Hz, with a quarter, half and a quarter of the layers."""
    from s3prl.upstream.multires_hubert.hubert_model import (
        MultiresHubertConfig,
        MultiresHubertModel,
        MultiresHubertPretrainingConfig,
    )

    config = fairseq_config(
        layers,
        pre_norm,
        **{
            "label_rate": 50,
            "label_rate_ratios": [1, 2],
            "override_encoder_layers": str([layers // 4, layers - 2 * (layers // 4), layers // 4]),
            "final_dim": 16,
            "conv_adapator_kernal": 7,
            **sizes,
        },
    )
    task = {"label_rate": 50.0, "sample_rate": 16000, "normalize": pre_norm}
    symbols = [[str(i) for i in range(10)]] * 2
    model = MultiresHubertModel(MultiresHubertConfig(**config), MultiresHubertPretrainingConfig(**task), symbols)
    path = folder / "multires_hubert.pt"
    states = {"task_cfg": task, "model_cfg": config, "model_weight": randomised(model).state_dict()}
    torch.save(states | {"dictionaries_symbols": symbols}, path)
    return path


def conformer(folder: Path, layers: int, pos_enc_type: str, **sizes: Any) -> Path:
    kind = {"layer_type": "conformer", "pos_enc_type": pos_enc_type, "attn_type": "espnet", "max_positions": 1000}
    return wav2vec2(folder, layers, True, **{**kind, "depthwise_conv_kernel_size": 7, **sizes})


def data2vec(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.data2vec.data2vec_model import Data2VecAudioConfig, Data2VecAudioModel

    config = fairseq_config(layers, pre_norm, **{"average_top_k_layers": 2, **sizes})
    model = Data2VecAudioModel(Data2VecAudioConfig(**config))
    model.remove_pretraining_modules()
    weights = dict(randomised(model).state_dict())
    teacher = {
        name.removeprefix("encoder."): weight.clone() for name, weight in weights.items() if name.startswith("encoder.")
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
