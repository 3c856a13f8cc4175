"""Upstreams of the published sizes with random weights: what an architecture costs, without downloading anything.

Weights do not matter to parameters, MACs or time. A random checkpoint in each family's own format goes through the same
hub entry as a real one, so a cut of it is built as a real cut is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..atomic import explained
from ..errors import UnknownUpstreamError, nearest
from ..sampling import SAMPLE_RATE
from .names import split_name
from .registry import build_upstream

SIZES: dict[str, dict[str, Any]] = {
    "base": {"width": 768, "ffn": 3072, "layers": 12, "heads": 12, "pre_norm": False},
    "large": {"width": 1024, "ffn": 4096, "layers": 24, "heads": 16, "pre_norm": True},
}
HUBERT_CLUSTERS = 504


def _fairseq(size: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Config keys in which fairseq's published base and large models differ, and those they share."""
    return {
        "encoder_layers": size["layers"],
        "encoder_embed_dim": size["width"],
        "encoder_ffn_embed_dim": size["ffn"],
        "encoder_attention_heads": size["heads"],
        "layer_norm_first": size["pre_norm"],
        "extractor_mode": "layer_norm" if size["pre_norm"] else "default",
        "encoder_layerdrop": 0.0,
    } | more


def _hubert(size: dict[str, Any]) -> tuple[nn.Module, dict[str, Any], str]:
    from s3prl.upstream.hubert.hubert_model import HubertConfig, HubertModel, HubertPretrainingConfig

    config = _fairseq(size, final_dim=768 if size["pre_norm"] else 256, label_rate=50.0)
    task = {"label_rate": 50.0, "sample_rate": SAMPLE_RATE, "normalize": size["pre_norm"]}
    symbols = [[str(index) for index in range(HUBERT_CLUSTERS)]]
    model = HubertModel(HubertConfig(**config), HubertPretrainingConfig(**task), symbols)
    return model, {"task_cfg": task, "model_cfg": config, "dictionaries_symbols": symbols}, "model_weight"


def _wav2vec2(size: dict[str, Any]) -> tuple[nn.Module, dict[str, Any], str]:
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    final = 768 if size["pre_norm"] else 256
    config = _fairseq(size, final_dim=final, quantize_targets=True, conv_bias=size["pre_norm"])
    task = {"sample_rate": SAMPLE_RATE, "normalize": size["pre_norm"]}
    return Wav2Vec2Model(Wav2Vec2Config(**config)), {"task_cfg": task, "model_cfg": config}, "model_weight"


def _wavlm(size: dict[str, Any]) -> tuple[nn.Module, dict[str, Any], str]:
    from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig

    positions = {"relative_position_embedding": True, "num_buckets": 320, "max_distance": 800, "gru_rel_pos": True}
    config = _fairseq(size, normalize=size["pre_norm"], **positions)
    return WavLM(WavLMConfig(config)), {"cfg": config}, "model"


def _transformers(kind: str) -> Callable[[dict[str, Any]], nn.Module]:
    def make(size: dict[str, Any]) -> nn.Module:
        import transformers

        config = getattr(transformers, f"{kind}Config")(
            hidden_size=size["width"],
            intermediate_size=size["ffn"],
            num_hidden_layers=size["layers"],
            num_attention_heads=size["heads"],
            do_stable_layer_norm=size["pre_norm"],
            feat_extract_norm="layer" if size["pre_norm"] else "group",
            conv_bias=size["pre_norm"],
        )
        return getattr(transformers, f"{kind}Model")(config)

    return make


Size = dict[str, Any]
FAIRSEQ: dict[str, tuple[str, Callable[[Size], tuple[nn.Module, dict[str, Any], str]]]] = {
    "hubert": ("hubert_custom", _hubert),
    "wav2vec2": ("wav2vec2_custom", _wav2vec2),
    "wavlm": ("wavlm_local", _wavlm),
    "unispeech_sat": ("unispeech_sat_local", _wavlm),
}
TRANSFORMERS: dict[str, tuple[str, Callable[[Size], nn.Module]]] = {
    "hf_hubert": ("hf_hubert_custom", _transformers("Hubert")),
    "hf_wav2vec2": ("hf_wav2vec2_custom", _transformers("Wav2Vec2")),
    "hf_wavlm": ("hf_wavlm_custom", _transformers("WavLM")),
}
ARCHITECTURES = (*FAIRSEQ, *TRANSFORMERS)


def random_model(architecture: str, size: str) -> nn.Module:
    """The bare model of an architecture, in its library's own class, with the weights its initialisation gives.

    Args:
        architecture: one of `ARCHITECTURES`.
        size: ``"base"`` or ``"large"``.

    Raises:
        UnknownUpstreamError: there is no such architecture.
    """
    if architecture in FAIRSEQ:
        return FAIRSEQ[architecture][1](SIZES[size])[0]
    if architecture in TRANSFORMERS:
        return TRANSFORMERS[architecture][1](SIZES[size])
    raise UnknownUpstreamError(
        f"--random-init knows no architecture {architecture!r}{nearest(architecture, ARCHITECTURES)}"
    )


@contextmanager
def random_upstream(name: str, size: str) -> Iterator[nn.Module]:
    """An upstream with random weights, whole or cut, while the context lasts.

    Args:
        name: an architecture, or ``<architecture>_convexpruned_L<k>``.
        size: ``"base"`` or ``"large"``.

    Raises:
        UnknownUpstreamError, DepthError: no such architecture or depth.
    """
    architecture, layers = split_name(name) or (name, None)
    if architecture not in ARCHITECTURES:
        random_model(architecture, size)
    entry = FAIRSEQ[architecture][0] if architecture in FAIRSEQ else TRANSFORMERS[architecture][0]
    with tempfile.TemporaryDirectory(prefix="s3prl_convexprune-") as folder:
        with explained(folder):
            ckpt = _write(Path(folder), architecture, size)
        yield build_upstream(entry if layers is None else f"{entry}_convexpruned_L{layers}", ckpt=str(ckpt))


def _write(folder: Path, architecture: str, size: str) -> Path:
    if architecture in FAIRSEQ:
        bare, content, weights = FAIRSEQ[architecture][1](SIZES[size])
        torch.save({**content, weights: bare.state_dict()}, folder / "random.pt")
        return folder / "random.pt"
    from transformers import Wav2Vec2FeatureExtractor

    model: Any = random_model(architecture, size)
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=SIZES[size]["pre_norm"], return_attention_mask=True).save_pretrained(folder)
    return folder
