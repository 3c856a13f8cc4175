"""Tiny checkpoints with random weights for every family, from s3prl's and transformers' own model classes.

No network. ``CASES["hubert-post"].build(folder)`` writes a checkpoint and returns the path that the hub
entry ``CASES["hubert-post"].entry`` takes as ``ckpt``. Every parameter is random, LayerNorms included, so
that a LayerNorm applied where it should not be shows. Importing this module imports torch; building also
imports s3prl's modules, so `s3prl_convexprune.compat.apply()` comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .case import LAYERS, Case, randomised
from .elsewhere import (
    ast,
    espnet_hubert,
    load_ast,
    load_espnet_hubert,
    load_roberta,
    load_ssast,
    need_timm,
    roberta,
    ssast,
    transformers_model,
    whisper,
)
from .fairseq import conformer, data2vec, hubert, multires_hubert, wav2vec2, wavlm
from .reconstructing import decoar2, distilhubert, lighthubert, mae_ast, mockingjay

__all__ = ["CASES", "LAYERS", "Case", "load_ast", "need_timm", "randomised"]


def _variants(family: str, entry: str, make: Callable[..., Path], layers: int = LAYERS, **more: Any) -> list[Case]:
    load = more.pop("load", None)
    return [
        Case(f"{family}-post", entry, partial(make, pre_norm=False, **more), layers, load),
        Case(f"{family}-pre", entry, partial(make, pre_norm=True, **more), layers, load),
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
        Case("hf_whisper-pre", "hf_whisper_custom", whisper),
        Case("wav2vec2-conformer_rel", "wav2vec2_custom", partial(conformer, pos_enc_type="rel_pos")),
        Case("wav2vec2-conformer_rope", "wav2vec2_custom", partial(conformer, pos_enc_type="rope")),
        Case("decoar2-post", "decoar2_custom", decoar2),
        *_variants("distilhubert", "distiller_local", distilhubert, layers=2),
        *_variants("mockingjay", "mockingjay_local", mockingjay),
        Case("tera-post", "tera_local", partial(mockingjay, pre_norm=False, key="Upstream_Config")),
        Case("audio_albert-post", "audio_albert_local", partial(mockingjay, pre_norm=False, share=True)),
        *_variants("multires_hubert", "multires_hubert_custom", multires_hubert, layers=8),
        Case("lighthubert-post", "lighthubert_local", lighthubert, layers=12),
        *_variants("mae_ast", "mae_ast_local", mae_ast),
        *_variants("roberta", "", roberta, load=load_roberta),
        *_variants("espnet_hubert", "", espnet_hubert, load=load_espnet_hubert),
        Case("ssast-frame", "", partial(ssast, patch=(128, 2)), 12, partial(load_ssast, kind="f")),
        Case("ssast-patch", "", partial(ssast, patch=(16, 16)), 12, partial(load_ssast, kind="p")),
        Case("ast-base384", "", ast, 12, load_ast),
    ]
}
