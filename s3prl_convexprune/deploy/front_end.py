"""The convolutional front end, as convolutions or as products with a matrix.

Eight bits a tensor lose quiet frames: one scale serves a whole recording. A product with a matrix can have scales for
each of its rows, here for each window of frames, but a convolution cannot. So for eight bits the convolutions over
frames are restated: the k frames under a kernel, laid end to end, times the kernel laid out the same way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Windows(nn.Module):
    """A convolution over frames, as one product with a matrix.

    Args:
        convolution: without padding, dilation or groups.

    Shape:
        - Input: ``[batch, frames, width]``
        - Output: ``[batch, (frames - kernel) // stride + 1, width']``
    """

    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        self.kernel, self.stride = convolution.kernel_size[0], convolution.stride[0]
        laid_out = convolution.weight.detach().permute(2, 1, 0)  # [kernel, width, width']
        self.register_buffer("matrix", laid_out.reshape(-1, laid_out.shape[-1]).contiguous())
        self.bias = convolution.bias

    def forward(self, frames: Tensor) -> Tensor:
        count = (frames.shape[1] - self.kernel) // self.stride + 1
        at = torch.arange(count)[:, None] * self.stride + torch.arange(self.kernel)
        windows = frames.index_select(1, at.reshape(-1)).reshape(frames.shape[0], count, -1)
        product = windows @ self.get_buffer("matrix")
        return product if self.bias is None else product + self.bias


class FrontEnd(nn.Module):
    """The feature extractor of a model of transformers.

    Args:
        extractor: it; its weights are shared.
        products: whether all convolutions but the first, which reads single samples, become products with a matrix.

    Shape:
        - Input: ``[batch, samples]``
        - Output: ``[batch, frames, width]``
    """

    def __init__(self, extractor: Any, products: bool) -> None:
        super().__init__()
        self.first, *others = extractor.conv_layers
        self.others = nn.ModuleList(others)
        self.windows = nn.ModuleList([Windows(layer.conv) for layer in others]) if products else None

    def forward(self, wav: Tensor) -> Tensor:
        state = self._first(wav[:, None])
        if self.windows is None:
            for layer in self.others:
                state = layer(state)
            return state.transpose(1, 2)
        state = state.transpose(1, 2)
        for windows, layer in zip(self.windows, self.others, strict=True):
            state = _shaped(layer, windows(state))
        return state

    def _first(self, wav: Tensor) -> Any:
        first: Any = self.first
        norm = getattr(first, "layer_norm", None)
        if not isinstance(norm, nn.GroupNorm):
            return first(wav)
        # One channel a group: an instance norm, which ONNX has as one operation.
        state = first.conv(wav)
        state = nn.functional.instance_norm(state, weight=norm.weight, bias=norm.bias, eps=norm.eps)
        return first.activation(state)


def _shaped(layer: Any, state: Tensor) -> Tensor:
    """What a layer does after its convolution, on ``[batch, frames, width]``."""
    norm = getattr(layer, "layer_norm", None)
    return layer.activation(state if norm is None else norm(state))
