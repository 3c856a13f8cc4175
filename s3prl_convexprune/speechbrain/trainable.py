"""What an s3prl expert needs before it can be trained end to end: the same for every family, found by name.

s3prl's experts are written for frozen use. Their convolutional front end runs without gradient (fairseq's
``feature_grad_mult`` set to 0), and those over transformers drop layers and mask time steps at random in train mode.
"""

from __future__ import annotations

import functools
from operator import attrgetter

from torch import nn
from torch.utils.checkpoint import checkpoint

from ..upstreams.families import family_of


def front_end(upstream: nn.Module) -> nn.Module | None:
    """The convolutional feature extractor of an upstream, or None when it has none that could be named."""
    for name, module in upstream.named_modules():
        if name.rpartition(".")[2] == "feature_extractor" and any(isinstance(m, nn.Conv1d) for m in module.modules()):
            return module
    return None


def disable_random_layers(upstream: nn.Module) -> None:
    """Switch off LayerDrop, which loses hidden states, and the model's own time masking, which recipes do outside."""
    for module in upstream.modules():
        if isinstance(getattr(module, "layerdrop", None), float):
            module.layerdrop = 0.0  # type: ignore[assignment]
        config = getattr(module, "config", None)
        for key, off in (("layerdrop", 0.0), ("apply_spec_augment", False)):
            if hasattr(config, key):
                setattr(config, key, off)


def freeze_front_end(upstream: nn.Module) -> None:
    """No gradient to the convolutional feature extractor, nor through it."""
    _set_front_end(upstream, trained=False)


def train_front_end(upstream: nn.Module) -> None:
    """Full gradient to the convolutional feature extractor, which s3prl's experts cut off."""
    _set_front_end(upstream, trained=True)


def _set_front_end(upstream: nn.Module, trained: bool) -> None:
    extractor = front_end(upstream)
    for module in upstream.modules():
        if hasattr(module, "feature_grad_mult"):
            module.feature_grad_mult = float(trained)  # type: ignore[assignment]
    if extractor is None:
        return
    if hasattr(extractor, "_requires_grad"):  # transformers: the input itself asks for a gradient
        extractor._requires_grad = trained  # type: ignore[assignment]
    for parameter in extractor.parameters():
        parameter.requires_grad_(trained)


def checkpoint_layers(upstream: nn.Module) -> None:
    """Recompute every transformer layer in the backward pass.

    The layer's forward hooks, with which s3prl collects hidden states, stay outside the recomputed part.

    Raises:
        DepthError: where this upstream keeps its layers is not known.
    """
    for layer in attrgetter(family_of(upstream).stack)(upstream):
        layer.forward = functools.partial(checkpoint, layer.forward, use_reentrant=False)
