"""One answer about the last hidden state of a transformers model, on every version of transformers.

transformers 4, for which s3prl's ``hf_*`` upstreams were written, gives the last state of a pre-norm ("stable layer
norm", large) model after the encoder's final LayerNorm, as s3prl's native upstreams do. transformers 5 gives it
before. Here it is after the LayerNorm on both, so that whole upstreams are what SUPERB's numbers were made with.
"""

from __future__ import annotations

import functools
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._importhook import on_import
from .hf_models import EXPERTS
from .remedy import Remedy

if TYPE_CHECKING:
    from torch import nn


def output_is_last_state(model: nn.Module) -> None:
    """From now on the last of a transformers model's hidden states is its encoder's output.

    Args:
        model: a transformers encoder (``HubertModel``, ``Wav2Vec2Model``, ``WavLMModel``). Calling this twice is the
            same as calling it once.
    """
    if _replace_last_state not in model._forward_hooks.values():
        model.register_forward_hook(_replace_last_state)


def _replace_last_state(model: Any, args: Any, output: Any) -> Any:
    states = output.hidden_states
    if getattr(model, "adapter", None) is not None:  # the model's output is then the adapter's
        return output
    if states:
        output.hidden_states = (*states[:-1], output.last_hidden_state)
    elif model.config.num_hidden_layers == 0:  # transformers 5 records states at layers only
        output.hidden_states = (output.last_hidden_state,)
    return output


def needed() -> bool:
    return int(version("transformers").split(".")[0]) >= 5


def patch() -> None:
    for expert in EXPERTS:
        on_import(expert, after=_mend)


def _mend(module: ModuleType) -> None:
    build = module.UpstreamExpert.__init__

    @functools.wraps(build)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        output_is_last_state(self.model)

    module.UpstreamExpert.__init__ = __init__


REMEDY = Remedy(
    name="hf_last_state",
    target="s3prl.upstream.hf_hubert.expert, s3prl.upstream.hf_wav2vec2.expert",
    why="transformers 5 gives the last hidden state of pre-norm (large) models before the final LayerNorm, "
    "transformers 4 and s3prl's native upstreams after it",
    needed=needed,
    patch=patch,
)
