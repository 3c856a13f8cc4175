"""HuBERT Base and Large with random weights, in s3prl's format, and a look at a process's memory (Linux)."""

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


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return _status("VmRSS")


def peak() -> int:
    """The most bytes that this process held since `forget_peak`."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Start `peak` anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")
