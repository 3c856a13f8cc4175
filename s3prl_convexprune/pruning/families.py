"""The table of families of upstreams, and how a family is found from an expert or a hub entry.

A row says which packages hold a family's experts and hub entries, the path from an expert to its stack of transformer
layers, to the final LayerNorm and to LayerDrop, and how a checkpoint is laid out; its class (`family`, `kinds`) says
what a cut does. Adding a family is adding a row here and a checkpoint builder to ``tests/checkpoints.py``; another
package adds one through the entry-point group ``s3prl_convexprune.families``.

Two kinds of modules that are never used in feature extraction stay, because the whole upstream has them, its
checkpoints hold them and SUPERB counts them: the pretraining heads and the mask embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import DepthError
from .family import Family, Layout
from .kinds import (
    Blocks,
    ClassifyingBlocks,
    Distiller,
    Hooked,
    Hourglass,
    LightHubert,
    Mockingjay,
    Transformers,
)
from .plugged_families import plugged_families

if TYPE_CHECKING:
    from torch import nn


def _fairseq(name: str, layout: Layout | None, **more: Any) -> Family:
    return Hooked(
        name,
        (f"s3prl.upstream.{name}",),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.encoder.layer_norm_first",
        layerdrop="model.encoder.layerdrop",
        layout=layout,
        **more,
    )


def _transformers(name: str, package: str, *entries: str) -> Family:
    return Transformers(
        name,
        (package,),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.config.do_stable_layer_norm",
        layerdrop="model.config.layerdrop",
        loads_with=f"{name}_custom",
        model_type=name.removeprefix("hf_"),
        entries=entries,
    )


_WAVLM = Layout("model", ("cfg",))
_FIXED_DEPTH = "s3prl builds this model with 12 layers whatever its checkpoint says"

FAMILIES: tuple[Family, ...] = (
    _fairseq(
        "hubert",
        Layout("model_weight", ("model_cfg",), others=("task_cfg", "dictionaries_symbols")),
        loads_with="hubert_custom",
    ),
    _fairseq(
        "wav2vec2", Layout("model_weight", ("model_cfg",), others=("task_cfg",)), loads_with="wav2vec2_custom"
    ),
    _fairseq(
        "data2vec",
        Layout("model_weight", ("model_cfg",), teacher="_ema", others=("task_cfg",)),
        loads_with="data2vec_custom",
    ),
    _fairseq("wavlm", _WAVLM, loads_with="wavlm_local"),
    _fairseq("unispeech_sat", _WAVLM, loads_with="unispeech_sat_local"),
    _fairseq("decoar2", None, no_export=_FIXED_DEPTH, lenient=("model", "model")),
    _transformers("hf_hubert", "s3prl.upstream.hf_hubert", "tiny_hubert"),
    _transformers("hf_wav2vec2", "s3prl.upstream.hf_wav2vec2"),
    _transformers("hf_wavlm", "s3prl_convexprune.hf_wavlm", "hf_wavlm_custom"),
    Distiller(
        "distilhubert",
        ("s3prl.upstream.distiller",),
        stack="model.model.encoder.layers",
        layerdrop="model.model.encoder.layerdrop",
        heads=("model.model.output_layer",),
        no_export="its loader cannot do without the prediction heads, which a cut has no use for",
    ),
    Mockingjay(
        "mockingjay",
        ("s3prl.upstream.mockingjay", "s3prl.upstream.tera", "s3prl.upstream.audio_albert"),
        stack="transformer.model.encoder.layer",
        state_norms="transformer.model.encoder.LayerNorm",
        layout=Layout(
            "Transformer",
            ("Config|Upstream_Config", "transformer"),
            count="num_hidden_layers",
            layers="encoder.layer.",
            norms="encoder.LayerNorm.",
            looks_at=("Config", "Upstream_Config"),
        ),
        loads_with="mockingjay_local",
        lenient=("transformer.model", "Transformer"),
    ),
    Hourglass(
        "multires_hubert",
        ("s3prl.upstream.multires_hubert",),
        stack="model.encoders",
        no_export="its config cannot state an hourglass that ends half way",
    ),
    LightHubert(
        "lighthubert",
        ("s3prl.upstream.lighthubert",),
        layerdrop="model.encoder.layerdrop",
        heads=("model.layer_pred_heads",),
        no_export=_FIXED_DEPTH,
        lenient=("model", "model"),
    ),
    Family(
        "mae_ast",
        ("s3prl.upstream.mae_ast",),
        layerdrop="model.encoder.layerdrop",
        first_state=1,
        layout=Layout("model", ("cfg", "model")),
        loads_with="mae_ast_local",
    ),
    Family(
        "roberta",
        ("s3prl.upstream.roberta",),
        stack="roberta.encoder.sentence_encoder.layers",
        layout=Layout(
            "model_weight",
            ("model_cfg",),
            layers="encoder.sentence_encoder.layers.",
            others=("task_cfg", "text_dictionary"),
        ),
        no_export="s3prl's hub has no entry that takes a checkpoint of one's own for it",
    ),
    Family(
        "espnet_hubert",
        ("s3prl.upstream.espnet_hubert",),
        stack="model.wav2vec2.encoder.transformer.layers",
        layerdrop="model.wav2vec2.encoder.transformer.layer_drop",
        first_state=1,
        no_export="ESPnet's loader reads the depth from a training config beside the checkpoint",
    ),
    Blocks(
        "ssast",
        ("s3prl.upstream.ssast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        no_export=_FIXED_DEPTH,
    ),
    ClassifyingBlocks(
        "ast",
        ("s3prl.upstream.ast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        no_export=_FIXED_DEPTH,
    ),
)

_NO_STATES = "it returns one embedding, not the states of its layers"
_RECURRENT = "its encoder is recurrent; it has no transformer layers"
_CONVOLUTIONAL = "its encoder is convolutional; it has no transformer layers"
_FEATURES = "it computes acoustic features; it has no layers"
_HELPER = "a helper that s3prl's hub imports, not an upstream"

CANNOT_CUT: dict[str, str] = {
    "s3prl.upstream.apc": _RECURRENT,
    "s3prl.upstream.vq_apc": _RECURRENT,
    "s3prl.upstream.cpc": _RECURRENT,
    "s3prl.upstream.decoar": _RECURRENT,
    "s3prl.upstream.decoar_layers": _RECURRENT,
    "s3prl.upstream.pase": _RECURRENT,
    "s3prl.upstream.npc": _CONVOLUTIONAL,
    "s3prl.upstream.vggish": _CONVOLUTIONAL,
    "s3prl.upstream.wav2vec": _CONVOLUTIONAL,
    "s3prl.upstream.vq_wav2vec": _CONVOLUTIONAL,
    "s3prl.upstream.byol_a": _CONVOLUTIONAL,
    "s3prl.upstream.byol_s": _NO_STATES,
    "s3prl.upstream.passt": _NO_STATES,
    "s3prl.upstream.baseline": _FEATURES,
    "s3prl.upstream.log_stft": _FEATURES,
    "s3prl.upstream.mos_prediction": "it returns a quality score, not hidden states",
    "s3prl.upstream.example": "it is s3prl's template for new upstreams; it has no transformer layers",
    "s3prl.downstream.timit_phone": "it returns phone posteriors of a recogniser, not hidden states",
    "s3prl.upstream.wav2vec2.convert": _HELPER,
    "pathlib": _HELPER,
    "filelock": _HELPER,
}


def all_families() -> tuple[Family, ...]:
    """The table's families, then those that other packages add."""
    return (*FAMILIES, *plugged_families())


def family_of(expert: nn.Module) -> Family:
    """The row of an upstream expert, found by the package that its class, or a base class, comes from.

    Args:
        expert: an upstream as s3prl's hub builds it.

    Raises:
        DepthError: the upstream cannot be cut; the message says why.
    """
    return family_of_class(type(expert))


def family_of_class(expert: type) -> Family:
    """`family_of` for an expert's class.

    Raises:
        DepthError: upstreams of this class cannot be cut; the message says why.
    """
    for cls in expert.__mro__:
        found = _row(cls.__module__)
        if isinstance(found, Family):
            return found
        if found is not None:
            raise DepthError(f"{_short(cls.__module__)} cannot be cut: {found}")
    known = ", ".join(family.name for family in all_families())
    raise DepthError(
        f"{expert.__module__}.{expert.__qualname__} cannot be cut: it belongs to none of the families {known}"
    )


def family_of_entry(name: str, entry: Callable[..., Any]) -> Family:
    """The row of a hub entry, without building anything.

    Args:
        name: the entry's name on the hub.
        entry: the hub's function of that name.

    Raises:
        DepthError: upstreams of this entry cannot be cut; the message says why.
    """
    for family in all_families():
        if name in family.entries or entry in family.adds:
            return family
    found = _row(getattr(entry, "__module__", "") or "")
    if isinstance(found, Family):
        return found
    known = ", ".join(family.name for family in all_families())
    raise DepthError(f"{name} cannot be cut: {found or f'it belongs to none of the families {known}'}")


def _row(module: str) -> Family | str | None:
    """The row, or the reason why there is none, for the longest known package that a module is in."""
    package = module
    while package:
        if package in CANNOT_CUT:
            return CANNOT_CUT[package]
        for family in all_families():
            if package in family.packages:
                return family
        package = package.rpartition(".")[0]
    return None


def _short(module: str) -> str:
    return module.removeprefix("s3prl.upstream.").split(".")[0]
