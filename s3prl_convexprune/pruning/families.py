"""Where each family of upstreams keeps its stack of transformer layers: one row a family.

A row says which packages hold a family's experts and hub entries, the path from an expert to the stack, to
the final LayerNorm and to LayerDrop, how the hidden states leave the expert, and how a checkpoint is laid
out. `prune`, `checkpoint` and `export` read rows; adding a family is adding a row here and a checkpoint
builder to ``tests/checkpoints.py``.

Two kinds of modules that are never used in feature extraction stay, because the whole upstream has them, its
checkpoints hold them and SUPERB counts them: the pretraining heads and the mask embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import DepthError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layout:
    """How a family's checkpoint file is laid out, for reading only the kept layers from it.

    Attributes:
        weights: key of the weights in the checkpoint.
        config: keys down to the model's config, a dict or an argparse.Namespace. ``Config|Upstream_Config``
            means the first of the two that leads on.
        count: name of the number of layers in that config.
        layers: what the name of every weight of layer i starts with, up to ``i.``.
        teacher: name of pretraining-only weights that the loader wants to find and throw away.
        norms: what the name of every weight of hidden state i's own LayerNorm starts with, up to ``i.``.
        others: further top-level keys that the loader needs; the rest (optimiser states…) is left behind.
        looks_at: top-level keys that the loader reads where they are there.
    """

    weights: str
    config: tuple[str, ...]
    count: str = "encoder_layers"
    layers: str = "encoder.layers."
    teacher: str | None = None
    norms: str | None = None
    others: tuple[str, ...] = ()
    looks_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One family of upstreams.

    Attributes:
        name: the family's name, as messages print it.
        packages: what holds its experts (by class) and its hub entries (by function).
        stack: dotted path from the expert to the `ModuleList` of transformer layers.
        final_norm: path to the LayerNorm that a pre-norm encoder applies to its last hidden state only.
        pre_norm: path to the flag that says whether the encoder is pre-norm.
        layerdrop: path to the LayerDrop probability, set to 0 so that no hidden state goes missing.
        first_state: how many transformer layers the first hidden state has behind it: 0, or 1 for
            upstreams that do not give the input of their first layer.
        heads: paths to what hangs on the last layer and goes with any cut.
        state_norms: path to a `ModuleList` with one LayerNorm a hidden state, where a model may have one.
        style: how the hidden states leave the expert, a key of `styles.STYLES`.
        layout: how its checkpoint files are laid out; None loads the whole model, then cuts it.
        loads_with: the hub entry that takes a checkpoint of one's own in this family.
        no_export: why a cut cannot be stated as an ordinary checkpoint of the family, if it cannot.
        lenient: where a loader passes over missing weights in silence, the model's path and its weights' key in
            the checkpoint, so that `checkpoint` can look.
        model_type: what a checkpoint in transformers' format calls its kind of model.
        entries: hub entries that are not in `packages`.
    """

    name: str
    packages: tuple[str, ...]
    stack: str = "model.encoder.layers"
    final_norm: str | None = None
    pre_norm: str | None = None
    layerdrop: str | None = None
    first_state: int = 0
    heads: tuple[str, ...] = ()
    state_norms: str | None = None
    style: str = "states"
    layout: Layout | None = None
    loads_with: str | None = None
    no_export: str | None = None
    lenient: tuple[str, str] | None = None
    model_type: str | None = None
    entries: tuple[str, ...] = ()


def _fairseq(name: str, layout: Layout | None, **more: Any) -> Family:
    return Family(
        name,
        (f"s3prl.upstream.{name}",),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.encoder.layer_norm_first",
        layerdrop="model.encoder.layerdrop",
        style="hooks",
        layout=layout,
        **more,
    )


def _transformers(name: str, package: str, *entries: str) -> Family:
    return Family(
        name,
        (package,),
        final_norm="model.encoder.layer_norm",
        pre_norm="model.config.do_stable_layer_norm",
        layerdrop="model.config.layerdrop",
        style="transformers",
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
    Family(
        "distilhubert",
        ("s3prl.upstream.distiller",),
        stack="model.model.encoder.layers",
        layerdrop="model.model.encoder.layerdrop",
        heads=("model.model.output_layer",),
        style="distiller",
        no_export="its loader cannot do without the prediction heads, which a cut has no use for",
    ),
    Family(
        "mockingjay",
        ("s3prl.upstream.mockingjay", "s3prl.upstream.tera", "s3prl.upstream.audio_albert"),
        stack="transformer.model.encoder.layer",
        state_norms="transformer.model.encoder.LayerNorm",
        style="mockingjay",
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
    Family(
        "multires_hubert",
        ("s3prl.upstream.multires_hubert",),
        stack="model.encoders",
        style="hourglass",
        no_export="its config cannot state an hourglass that ends half way",
    ),
    Family(
        "lighthubert",
        ("s3prl.upstream.lighthubert",),
        layerdrop="model.encoder.layerdrop",
        heads=("model.layer_pred_heads",),
        style="lighthubert",
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
    Family(
        "ssast",
        ("s3prl.upstream.ssast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        style="blocks",
        no_export=_FIXED_DEPTH,
    ),
    Family(
        "ast",
        ("s3prl.upstream.ast",),
        stack="model.v.blocks",
        first_state=1,
        heads=("model.v.norm", "model.mlp_head"),
        style="blocks",
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
    known = ", ".join(family.name for family in FAMILIES)
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
    for family in FAMILIES:
        if name in family.entries:
            return family
    found = _row(getattr(entry, "__module__", "") or "")
    if isinstance(found, Family):
        return found
    known = ", ".join(family.name for family in FAMILIES)
    raise DepthError(f"{name} cannot be cut: {found or f'it belongs to none of the families {known}'}")


def _row(module: str) -> Family | str | None:
    """The row, or the reason why there is none, for the longest known package that a module is in."""
    package = module
    while package:
        if package in CANNOT_CUT:
            return CANNOT_CUT[package]
        for family in FAMILIES:
            if package in family.packages:
                return family
        package = package.rpartition(".")[0]
    return None


def _short(module: str) -> str:
    return module.removeprefix("s3prl.upstream.").split(".")[0]
