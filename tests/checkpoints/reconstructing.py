"""Checkpoints of models that reconstruct or are distilled: DeCoAR 2, DistilHuBERT, Mockingjay, LightHuBERT, MAE-AST."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from tests.checkpoints.case import HIDDEN, randomised
from tests.checkpoints.fairseq import CONV


def decoar2(folder: Path, layers: int, **sizes: Any) -> Path:
    """DeCoAR 2.0 states its sizes in its module, not in the checkpoint: they are made tiny there."""
    from s3prl.upstream.decoar2 import decoar2 as module

    module.args.update(
        {
            "encoder_embed_dim": HIDDEN,
            "encoder_ffn_embed_dim": 2 * HIDDEN,
            "encoder_attention_heads": 4,
            "encoder_layers": layers,
            "conv_pos": 16,
            "conv_pos_groups": 4,
            **sizes,
        }
    )
    path = folder / "decoar2.pt"
    torch.save({"model": randomised(module.Decoar2()).state_dict()}, path)
    return path


def distilhubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.distiller.model import DistillerConfig, DistillerModel

    config = {
        "extractor_conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "encoder_layerdrop": 0.5,
        "layer_norm_first": pre_norm,
        "final_dim": HIDDEN,
        "out_layer_type": "expand-last",
        "out_layer_inter_dim": 16,
        "n_tasks": 3,
        "task_emb_type": "expand-last",
        "pred_layer_id": [4, 8, 12],
        **sizes,
    }
    model = DistillerModel(DistillerConfig(config))
    path = folder / "distilhubert.ckpt"
    torch.save({"Config": {"distiller": config}, "Distiller": randomised(model).state_dict()}, path)
    return path


def mockingjay(
    folder: Path, layers: int, pre_norm: bool, share: bool = False, key: str = "Config", **sizes: Any
) -> Path:
    from s3prl.upstream.mockingjay.model import TransformerConfig, TransformerModel

    transformer = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 2 * HIDDEN,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "share_layer": share,
        "pre_layer_norm": pre_norm,
        **sizes,
    }
    audio = {
        "kaldi": {
            "feat_type": "fbank",
            "fbank": {"num_mel_bins": 80, "frame_length": 25.0, "frame_shift": 10.0, "use_log_fbank": True},
        },
        "delta": {"order": 2, "win_length": 5},
        "cmvn": {"use_cmvn": True},
    }
    model = TransformerModel(TransformerConfig(transformer), 240)
    config = {"transformer": transformer, "task": {"sequence_length": 1500}, "audio": audio}
    states = {"Transformer": randomised(model).state_dict(), key: config}
    if key != "Config":
        states["Config"] = {"runner": {"total_steps": 1}}
    states["Optimizer"] = {"state": {0: torch.randn(1000)}}
    path = folder / "mockingjay.ckpt"
    torch.save(states, path)
    return path


def lighthubert(folder: Path, layers: int, **sizes: Any) -> Path:
    """LightHuBERT small: s3prl fixes its 12 layers and the sizes of its search space, so it is not tiny."""
    from s3prl.upstream.lighthubert.lighthubert import LightHuBERT, LightHuBERTConfig

    config = {
        "_name": "hubert_pruner",
        "pruner_supernet": "small.yaml",
        "encoder_layers": layers,
        "encoder_embed_dim": 512,
        "encoder_ffn_embed_dim": 2048,
        "encoder_attention_heads": 8,
        "encoder_layerdrop": 0.5,
        "conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "teacher_embed_dim": HIDDEN,
        **sizes,
    }
    build = LightHuBERTConfig(config)
    build.supernet_type = "small"
    path = folder / "lighthubert.pt"
    torch.save({"cfg": {"model": config}, "model": randomised(LightHuBERT(build)).state_dict()}, path)
    return path


def mae_ast(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.mae_ast.mae_ast import MAE_AST, MAE_AST_Config

    config = {
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "encoder_layerdrop": 0.5,
        "layer_norm_first": pre_norm,
        "decoder_embed_dim": HIDDEN,
        "decoder_layers": 1,
        "ast_kernel_size_chan": 128,
        "ast_kernel_stride_chan": 128,
        "ast_kernel_size_time": 2,
        "ast_kernel_stride_time": 2,
        "enc_sine_pos": True,
        "max_token_length": 400,
        **sizes,
    }
    config = {**vars(MAE_AST_Config()), **config}
    task = {
        "feature_type": "fbank",
        "feature_dim": 128,
        "sample_rate": 16000,
        "feature_rate": 100,
        "mask_type": "random_mask",
    }
    model = MAE_AST(SimpleNamespace(**config), SimpleNamespace(**task))
    path = folder / "mae_ast.pt"
    torch.save({"cfg": {"model": config, "task": task}, "model": randomised(model).state_dict()}, path)
    return path
