"""HuBERT Base and Large with random weights, in s3prl's format."""

from __future__ import annotations

from pathlib import Path

SIZES = {
    "base": (
        "hubert-post",
        12,
        {"encoder_embed_dim": 768, "encoder_ffn_embed_dim": 3072, "encoder_attention_heads": 12},
    ),
    "large": (
        "hubert-pre",
        24,
        {"encoder_embed_dim": 1024, "encoder_ffn_embed_dim": 4096, "encoder_attention_heads": 16},
    ),
}
FRONT_END = {
    "conv_feature_layers": "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2",
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "final_dim": 256,
}


def write_checkpoint(size: str, layers: int, folder: Path) -> Path:
    """A checkpoint of HuBERT `size` with `layers` transformer layers."""
    from s3prl_convexprune import compat
    from tests.checkpoints import CASES

    compat.apply()
    case, _, sizes = SIZES[size]
    return CASES[case].build(folder, layers=layers, **sizes, **FRONT_END)
