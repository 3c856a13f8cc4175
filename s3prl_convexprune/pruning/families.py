"""Where each family of upstreams keeps its stack of transformer layers: one row a family.

A row says which modules its experts and hub entries live in, the path from an expert to the
stack, to the final LayerNorm and to LayerDrop, and how its checkpoints are laid out. `prune` and
`checkpoint` read rows; adding a family is adding a row here and a checkpoint builder to
``tests/checkpoints.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3prl_convexprune.errors import DepthError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Family:
    """One family of upstreams.

    Attributes:
        name: the family's name, as messages print it.
        modules: packages that hold its experts (by class) and its hub entries (by function).
        stack: dotted path from the expert to the `ModuleList` of transformer layers.
        final_norm: path to the LayerNorm that a pre-norm encoder applies to its last state only.
        pre_norm: path to the flag that says whether the encoder is pre-norm.
        layerdrop: path to the LayerDrop probability, set to 0 so that no hidden state goes missing.
        style: how states leave the expert; the key of `prune.STYLES`.
    """

    name: str
    modules: tuple[str, ...]
    stack: str = "model.encoder.layers"
    final_norm: str | None = "model.encoder.layer_norm"
    pre_norm: str | None = "model.encoder.layer_norm_first"
    layerdrop: str | None = "model.encoder.layerdrop"
    style: str = "hooks"


def _transformers(name: str, *modules: str) -> Family:
    return Family(
        name,
        modules,
        pre_norm="model.config.do_stable_layer_norm",
        layerdrop="model.config.layerdrop",
        style="transformers",
    )


FAMILIES: tuple[Family, ...] = (
    Family("hubert", ("s3prl.upstream.hubert",)),
    Family("wav2vec2", ("s3prl.upstream.wav2vec2",)),
    Family("wavlm", ("s3prl.upstream.wavlm",)),
    Family("unispeech_sat", ("s3prl.upstream.unispeech_sat",)),
    Family("data2vec", ("s3prl.upstream.data2vec",)),
    _transformers("hf_hubert", "s3prl.upstream.hf_hubert"),
    _transformers("hf_wav2vec2", "s3prl.upstream.hf_wav2vec2"),
    _transformers("hf_wavlm", "s3prl_convexprune.hf_wavlm"),
)


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def family_of(expert: nn.Module) -> Family:
    """The row of an upstream expert, found by the module its class (or a base class) comes from.

    Args:
        expert: an upstream as s3prl's hub builds it.

    Raises:
        DepthError: the expert's family is not in the table.
    """
    for cls in type(expert).__mro__:
        for family in FAMILIES:
            if any(_within(cls.__module__, package) for package in family.modules):
                return family
    name = f"{type(expert).__module__}.{type(expert).__qualname__}"
    known = ", ".join(family.name for family in FAMILIES)
    raise DepthError(f"{name} cannot be cut: it belongs to none of the families {known}")
