"""One answer about the last hidden state of a transformers model, on every version of transformers.

transformers 4 gives the last state of a pre-norm ("stable layer norm") model after the encoder's final
LayerNorm, as s3prl's native upstreams do; transformers 5 gives it before. SUPERB's numbers, and s3prl's
``hf_*`` upstreams when they were written, are of the first kind, and so are the upstreams here.
"""

from __future__ import annotations

from typing import Any

from torch import nn


def output_is_last_state(model: nn.Module) -> None:
    """From now on the last of the model's hidden states is its encoder's output.

    Args:
        model: a transformers encoder (``HubertModel``, ``Wav2Vec2Model``, ``WavLMModel``). Calling this twice
            is the same as calling it once.
    """
    if _replace_last_state not in model._forward_hooks.values():
        model.register_forward_hook(_replace_last_state)


def _replace_last_state(model: Any, args: Any, output: Any) -> Any:
    states = output.hidden_states
    if model.adapter is not None:
        return output
    if not states and model.config.num_hidden_layers == 0:  # transformers 5 records the states at layers only
        output.hidden_states = (output.last_hidden_state,)
    elif states:
        output.hidden_states = (*states[:-1], output.last_hidden_state)
    return output
