"""Multi-resolution HuBERT cut: an hourglass of stacks (encoders, a middle encoder, decoders) at several frame rates.

Its depth counts transformer layers in the order they run. A cut ends after some layer of some stack; the stacks
above, and the resampling on the way to them, go. Every stack also gives its input as a hidden state: for all but the
first that is no further layer's, so no cut ends there.

s3prl shortens all hidden states to the shortest, which may be one of a gone stack: a cut's states can be a few frames
longer than the whole one's, and are equal as far as those go.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from s3prl.upstream.multires_hubert.expert import UpstreamExpert
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence


def blocks_of(expert: Any) -> list[Any]:
    """The encoders of an hourglass in the order they run."""
    model = expert.model
    return [*model.encoders, *([model.middle_encoder] if model.middle_encoder else []), *model.decoders]


def state_depths(expert: Any) -> list[int | None]:
    """How many transformer layers each hidden state has behind it; None where no cut ends."""
    depths: list[int | None] = []
    below = 0
    for block in blocks_of(expert):
        depths += [None if below else 0, *range(below + 1, below + len(block.layers) + 1)]
        below += len(block.layers)
    return depths


def cut_hourglass(expert: Any, layers: int, final_norm: str) -> None:
    """Keep the first `layers` transformer layers, in place."""
    blocks = blocks_of(expert)
    for block in blocks:
        block.layerdrop = 0.0
    if layers == sum(len(block.layers) for block in blocks):
        return
    left, kept_hooks, last = layers, 0, 0
    for last, block in enumerate(blocks):  # noqa: B007
        here = min(left, len(block.layers))
        kept_hooks += here
        left -= here
        if not left:
            break
        kept_hooks += 1
    kept = [*expert.hooks[:kept_hooks], expert.hooks[kept_hooks + len(block.layers) - here]]
    if here < len(block.layers) and block.layer_norm_first and final_norm == "drop":
        block.layer_norm = nn.Identity()
    factors = [*expert.final_factors[:kept_hooks], expert.final_factors[kept_hooks]]
    for hook in expert.hooks:
        if hook not in kept:
            hook.handler.remove()
    expert.hooks[:], expert.final_factors[:] = kept, factors
    del block.layers[here:]
    _drop_blocks(expert.model, last)
    expert.__class__ = CutMultires


def _drop_blocks(model: Any, last: int) -> None:
    encoders = len(model.encoders)
    decoders = max(0, last - encoders)
    del model.decoders[decoders:], model.upsample_modules[decoders:]
    if last < encoders:
        model.middle_encoder = None
        del model.encoders[last + 1 :], model.downsample_modules[last:]


class CutMultires(UpstreamExpert):
    """s3prl's multi-resolution HuBERT expert after a cut; `cut_hourglass` turns an expert into one."""

    def forward(self, wavs: list[Tensor]) -> None:
        """Run what is left; s3prl's hooks collect the states."""
        if self.task_cfg.normalize:
            wavs = [F.layer_norm(wav, wav.shape) for wav in wavs]
        lengths = torch.tensor([len(wav) for wav in wavs], device=wavs[0].device)
        source = pad_sequence(wavs, batch_first=True)
        padding = torch.arange(source.shape[1], device=source.device) >= lengths[:, None]

        model = self.model
        x = model.layer_norm(model.forward_features(source).transpose(1, 2))
        padding = model.forward_padding_mask(x, padding)
        if model.post_extract_proj is not None:
            x = model.post_extract_proj(x)
        x = model.dropout_input(x)

        skips = []
        for number, encoder in enumerate(model.encoders):
            x, _ = encoder(x, padding_mask=padding, layer=None)
            skips.append(x)
            if number < len(model.downsample_modules):
                x, padding, _ = model.downsample_modules[number](x, padding=padding, mask_indices=None)
        if model.middle_encoder is not None:
            x = x + model.middle_encoder(x, padding_mask=padding, layer=None)[0]
        for upsample, decoder, skip in zip(model.upsample_modules, model.decoders, skips[::-1], strict=False):
            x, padding, _ = upsample(x, padding=padding, mask_indices=None)
            x, _ = decoder(x, padding_mask=padding, layer=None)
            frames = min(x.shape[1], skip.shape[1])
            x, padding = x[:, :frames] + skip[:, :frames], padding[:, :frames]
