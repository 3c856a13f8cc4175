"""The table of families of upstreams, and how a family is found from an expert or a hub entry.

A row says which packages hold a family's experts and hub entries, which attributes of an expert are its stack of
transformer layers, its final LayerNorm and its LayerDrop, and how a checkpoint is laid out; its class (`family`,
`kinds`) says what a cut does. Adding a family is adding a row here and a checkpoint builder to
``tests/checkpoints``; another package adds one through the entry-point group ``s3prl_convexprune.families``.

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
    Whisper,
)
from .padding import ChunkedFilterbank, Convolved, Filterbank, Masked, Patches
from .plugged_families import plugged_families

if TYPE_CHECKING:
    from torch import nn


BASE, LARGE = 12, 24


_COUNTS_CHUNKS = Convolved(masks="model")


def _fairseq(name: str, layout: Layout | None, **more: Any) -> Family:
    return Hooked(
        name,
        (f"s3prl.upstream.{name}",),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.encoder.layer_norm_first",
        layerdrop="model.encoder.layerdrop",
        layout=layout,
        **{"padding": Convolved(), **more},
    )


def _transformers(name: str, package: str, **more: Any) -> Family:
    return Transformers(
        name,
        (package,),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.config.do_stable_layer_norm",
        layerdrop="model.config.layerdrop",
        loads_with=f"{name}_custom",
        model_type=name.removeprefix("hf_"),
        padding=Convolved(),
        **more,
    )


_WAVLM = Layout("model", ("cfg",))
_FIXED_DEPTH = "s3prl builds this model with 12 layers whatever its checkpoint says"

FAMILIES: tuple[Family, ...] = (
    _fairseq(
        "hubert",
        Layout("model_weight", ("model_cfg",), others=("task_cfg", "dictionaries_symbols")),
        loads_with="hubert_custom",
        padding=_COUNTS_CHUNKS,
        depths=dict(
            hubert=BASE,
            hubert_base=BASE,
            hubert_large_ll60k=LARGE,
            hubert_base_robust_mgr=BASE,
            mhubert_base_vp_en_es_fr_it3=BASE,
            contentvec=BASE,
            contentvec_km100=BASE,
            contentvec_km500=BASE,
            ms_hubert=BASE,
        ),
    ),
    _fairseq(
        "wav2vec2",
        Layout("model_weight", ("model_cfg",), others=("task_cfg",)),
        loads_with="wav2vec2_custom",
        depths=dict(
            wav2vec2=BASE,
            wav2vec2_base_960=BASE,
            wav2vec2_large_960=LARGE,
            wav2vec2_large_ll60k=LARGE,
            wav2vec2_large_lv60_cv_swbd_fsh=LARGE,
            wav2vec2_large_voxpopuli_100k=LARGE,
            wav2vec2_base_s2st_es_voxpopuli=BASE,
            wav2vec2_base_s2st_en_librilight=BASE,
            xlsr_53=LARGE,
            xls_r_300m=LARGE,
            xls_r_1b=48,
            xls_r_2b=48,
        ),
    ),
    _fairseq(
        "data2vec",
        Layout("model_weight", ("model_cfg",), teacher="_ema", others=("task_cfg",)),
        loads_with="data2vec_custom",
        depths=dict(data2vec=BASE, data2vec_base_960=BASE, data2vec_large_ll60k=LARGE),
    ),
    _fairseq(
        "wavlm",
        _WAVLM,
        loads_with="wavlm_local",
        padding=_COUNTS_CHUNKS,
        depths=dict(wavlm=BASE, wavlm_base=BASE, wavlm_base_plus=BASE, wavlm_large=LARGE),
    ),
    _fairseq(
        "unispeech_sat",
        _WAVLM,
        loads_with="unispeech_sat_local",
        padding=_COUNTS_CHUNKS,
        depths=dict(
            unispeech_sat=BASE, unispeech_sat_base=BASE, unispeech_sat_base_plus=BASE, unispeech_sat_large=LARGE
        ),
    ),
    _fairseq(
        "decoar2",
        None,
        padding=Filterbank(every=2),
        no_export=_FIXED_DEPTH,
        depths=dict(decoar2=BASE, decoar2_custom=BASE, decoar2_local=BASE, decoar2_url=BASE),
    ),
    _transformers("hf_hubert", "s3prl.upstream.hf_hubert", entries=("tiny_hubert",), depths=dict(tiny_hubert=BASE)),
    _transformers("hf_wav2vec2", "s3prl.upstream.hf_wav2vec2"),
    _transformers("hf_wavlm", "s3prl_convexprune.upstreams.hf_wavlm", entries=("hf_wavlm_custom",)),
    Whisper(
        "hf_whisper",
        ("s3prl_convexprune.upstreams.whisper",),
        stack="model.layers",
        final_norm="model.layer_norm",
        cuts_keep_norm=True,
        pre_norm="pre_norm",
        loads_with="hf_whisper_custom",
        model_type="whisper",
        counts=("encoder_layers", "num_hidden_layers"),
        reads=r"(?:model\.)?encoder\.",
        extractor=False,
        padding=Masked(rate=320),
        entries=("hf_whisper_custom",),
    ),
    Distiller(
        "distilhubert",
        ("s3prl.upstream.distiller",),
        stack="model.model.encoder.layers",
        layerdrop="model.model.encoder.layerdrop",
        heads=("model.model.output_layer",),
        padding=Convolved("model.model.feature_extractor"),
        no_export="its loader cannot do without the prediction heads, which a cut has no use for",
        depths=dict(distilhubert=2, distilhubert_base=2),
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
        padding=ChunkedFilterbank(),
        depths=dict(
            mockingjay=12,
            mockingjay_origin=12,
            mockingjay_logMelLinearLarge_T_AdamW_b32_500k_360hr_drop1=12,
            mockingjay_100hr=3,
            mockingjay_960hr=3,
            tera=3,
            tera_100hr=3,
            tera_960hr=3,
        ),
    ),
    Hourglass(
        "multires_hubert",
        ("s3prl.upstream.multires_hubert",),
        stack="model.encoders",
        no_export="its config cannot state an hourglass that ends half way",
        depths=dict(
            multires_hubert_base=BASE,
            multires_hubert_multilingual_base=BASE,
            multires_hubert_large=LARGE,
            multires_hubert_multilingual_large400k=LARGE,
            multires_hubert_multilingual_large600k=LARGE,
        ),
    ),
    LightHubert(
        "lighthubert",
        ("s3prl.upstream.lighthubert",),
        layerdrop="model.encoder.layerdrop",
        heads=("model.layer_pred_heads",),
        padding=_COUNTS_CHUNKS,
        no_export=_FIXED_DEPTH,
        depths=dict(
            lighthubert=BASE,
            lighthubert_small=BASE,
            lighthubert_base=BASE,
            lighthubert_stage1=BASE,
            lighthubert_local=BASE,
            lighthubert_url=BASE,
        ),
    ),
    Family(
        "mae_ast",
        ("s3prl.upstream.mae_ast",),
        layerdrop="model.encoder.layerdrop",
        first_state=1,
        layout=Layout("model", ("cfg", "model")),
        loads_with="mae_ast_local",
        padding=Patches(),
        depths=dict(mae_ast_frame=BASE, mae_ast_patch=BASE),
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
        padding=Convolved("model.wav2vec2.feature_extractor"),
        first_state=1,
        no_export="ESPnet's loader reads the depth from a training config beside the checkpoint",
        depths=dict(
            cvhubert=BASE,
            espnet_hubert_base_iter0=BASE,
            espnet_hubert_base_iter1=BASE,
            espnet_hubert_large_gs_ll60k=LARGE,
            wavlablm_ek_40k=LARGE,
            wavlablm_ms_40k=LARGE,
            wavlablm_mk_40k=LARGE,
        ),
    ),
    Blocks(
        "ssast",
        ("s3prl.upstream.ssast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        no_export=_FIXED_DEPTH,
        depths=dict(ssast_frame_base=BASE, ssast_patch_base=BASE),
    ),
    ClassifyingBlocks(
        "ast",
        ("s3prl.upstream.ast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        no_export=_FIXED_DEPTH,
        depths=dict(ast=BASE),
    ),
)

_NO_STATES = "it returns one embedding, not the states of its layers"
_RECURRENT = "its encoder is recurrent; it has no transformer layers"
_CONVOLUTIONAL = "its encoder is convolutional; it has no transformer layers"
_FEATURES = "it computes acoustic features; it has no layers"
HELPER = "a helper that s3prl's hub imports, not an upstream"

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
    "s3prl.upstream.wav2vec2.convert": HELPER,
    "pathlib": HELPER,
    "filelock": HELPER,
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
    found = find_family(name, getattr(entry, "__module__", "") or "")
    if isinstance(found, Family):
        return found
    known = ", ".join(family.name for family in all_families())
    raise DepthError(f"{name} cannot be cut: {found or f'it belongs to none of the families {known}'}")


def find_family(name: str, module: str) -> Family | str | None:
    """The row of a hub entry known by its name and the module that defines it, without importing that.

    Returns:
        The family; or why upstreams of this entry cannot be cut; or None where the table does not know it.
    """
    for family in all_families():
        if name in family.entries or name in {entry.__name__ for entry in family.adds}:
            return family
    return _row(module)


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
