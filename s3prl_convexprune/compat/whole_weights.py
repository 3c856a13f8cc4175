"""A checkpoint fills its model or is refused: what it lacks does not stay at random values in silence.

Some of s3prl's experts load with ``strict=False``, one prints what is missing, one hides which weight does not fit.
While such an expert is built, each of these loads is looked at, and a weight that is missing or has another shape is
an error that names it. NaN is `checkpoint_code`'s matter, and transformers' models are `hf_weights`'.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._importhook import on_import
from ..errors import CheckpointError
from .remedy import Remedy

if TYPE_CHECKING:
    from torch import nn

#: timm's classifiers, which AST's and SSAST's forward pass goes round, and the heads and mask of SSAST's pretraining.
#: AST loads a whole classifying model, takes its transformer ``v`` and leaves the rest.
_CLASSIFIERS = r"module\.v\.head(_dist)?\."
_SSAST_PRETRAINING = r"module\.(cpredlayer\.|gpredlayer\.|mask_embed$)"

#: An expert's module -> what may be absent from its checkpoint, since no hidden state depends on it.
UNREAD: dict[str, tuple[str, ...]] = {
    "s3prl.upstream.ast.expert": (_CLASSIFIERS, r"module\.mlp_head\."),
    "s3prl.upstream.ssast.expert": (_CLASSIFIERS, _SSAST_PRETRAINING),
    "s3prl.upstream.cpc.expert": (),
    "s3prl.upstream.decoar.expert": (),
    "s3prl.upstream.decoar_layers.expert": (),
    "s3prl.upstream.decoar2.expert": (),
    "s3prl.upstream.lighthubert.expert": (r"mask_emb$", r"layer_pred_heads\."),
    "s3prl.upstream.mockingjay.expert": (),  # TERA's and Audio ALBERT's too
    "s3prl.upstream.distiller.expert": (),
}
#: A count of training steps that a BatchNorm keeps; old checkpoints do not have it.
COUNTS = r"(.*\.)?num_batches_tracked$"
#: What SSAST's loader takes sizes from before it loads; without one it blames the file's wrapping.
READ_FIRST = {
    "s3prl.upstream.ssast.expert": ("module.v.patch_embed.proj.weight", "module.p_input_fdim", "module.p_input_tdim")
}
#: Modules whose loader is a method of its own, ``load_model(model, weights)``.
BUILDERS = {
    "s3prl.upstream.mockingjay.builder": "TransformerBuilder",
    "s3prl.upstream.distiller.builder": "DistillerBuilder",
}

_one_at_a_time = threading.RLock()


class _Misfit(Exception):
    """What does not fit, without the checkpoint's path: who loads does not know it."""


def check_fits(model: nn.Module, weights: Mapping[str, Any]) -> None:
    """Refuse weights that are not those of a model.

    Args:
        model: what they will be loaded into.
        weights: tensors by name.

    Raises:
        _Misfit: one is missing, or has another shape.
    """
    _check_shapes(model, weights)
    _check_missing(model.state_dict().keys() - weights.keys(), ())


def _check_missing(lacking: Iterable[str], unread: tuple[str, ...]) -> None:
    names = sorted(name for name in lacking if not any(re.match(pattern, name) for pattern in (COUNTS, *unread)))
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise _Misfit(f"lacks {names[0]}{more}, which would stay at random values")


def _check_shapes(model: nn.Module, weights: Mapping[str, Any]) -> None:
    for name, own in model.state_dict().items():
        given = getattr(weights.get(name, own), "shape", None)
        if given != own.shape:
            shape = "no tensor" if given is None else f"of shape {tuple(given)}"
            raise _Misfit(f"does not fit: {name} is {shape}, the model's is {tuple(own.shape)}")


@contextlib.contextmanager
def _watched(unread: tuple[str, ...]) -> Iterator[None]:
    """Within, loading with ``strict=False`` passes over nothing but what is named."""
    from torch import nn

    with _one_at_a_time:
        load = nn.Module.load_state_dict

        def checked(self: nn.Module, state_dict: Mapping[str, Any], strict: bool = True, **options: Any) -> Any:
            if strict:
                return load(self, state_dict, strict=strict, **options)
            _check_shapes(self, state_dict)
            result = load(self, state_dict, strict=False, **options)
            _check_missing(result.missing_keys, unread)
            return result

        nn.Module.load_state_dict = checked  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            nn.Module.load_state_dict = load  # type: ignore[method-assign]


def _mend_expert(module: ModuleType) -> None:
    build: Callable[..., None] = module.UpstreamExpert.__init__
    unread, first = UNREAD[module.__name__], READ_FIRST.get(module.__name__, ())

    @functools.wraps(build)
    def __init__(self: Any, ckpt: Any, *args: Any, **kwargs: Any) -> None:
        try:
            if first:
                from ..safe_load import read_checkpoint

                _check_missing(set(first) - read_checkpoint(ckpt).keys(), ())
            with _watched(unread):
                build(self, ckpt, *args, **kwargs)
        except _Misfit as error:
            raise CheckpointError(f"{ckpt} {error}") from None

    module.UpstreamExpert.__init__ = __init__


def _mend_builder(module: ModuleType) -> None:
    builder = getattr(module, BUILDERS[module.__name__])
    load: Callable[..., Any] = builder.load_model

    @functools.wraps(load)
    def load_model(self: Any, model: nn.Module, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        # s3prl renames so too: TensorFlow called a LayerNorm's weight gamma and its bias beta
        names = {name: name.replace("gamma", "weight").replace("beta", "bias") for name in state_dict}
        check_fits(model, {names[name]: weight for name, weight in state_dict.items()})
        return load(self, model, state_dict, *args, **kwargs)

    builder.load_model = load_model


def patch() -> None:
    for expert in UNREAD:
        on_import(expert, after=_mend_expert)
    for builder in BUILDERS:
        on_import(builder, after=_mend_builder)


REMEDY = Remedy(
    name="whole_weights",
    target="s3prl.upstream.{ast,ssast,cpc,decoar,decoar_layers,decoar2,lighthubert,mockingjay,distiller}",
    why="these loaders leave a weight that a checkpoint lacks at random values, or hide which one does not fit",
    needed=lambda: True,
    patch=patch,
)
