"""What a depth costs: parameters and multiply-accumulates (MACs) of an upstream cut at every depth.

MACs are half the floating-point operations that torch's own counter (`torch.utils.flop_counter`) sees in one forward
pass: matrix products and convolutions. Like SUPERB's official profile it leaves out additions, activations,
normalisations and softmax. The forward pass is real, so attention's quadratic part follows the length asked for.

Two fused kernels are invisible to the counter on CPU: scaled dot-product attention's flash kernel and
`nn.MultiheadAttention`'s inference fast path. Both are switched to their plain form while counting, so each matrix
product is seen once; `tests/upstreams/test_cost.py` holds the counts against the closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..sampling import SAMPLE_RATE
from .families import family_of
from .family import Family


class DepthCost(NamedTuple):
    """The cost of one depth.

    Attributes:
        layers: transformer layers kept.
        params: parameters of the whole upstream at that depth (SUPERB's rule: all of the upstream's parameters,
            trained or not, heads left in the checkpoint included).
        macs: multiply-accumulates of one forward pass over one utterance of the length asked for.
    """

    layers: int
    params: int
    macs: int


@contextmanager
def _every_product_visible() -> Iterator[None]:
    """Run attention in its plain form, so that the counter sees its matrix products."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        try:
            from torch.nn.attention import SDPBackend, sdpa_kernel
        except ImportError:  # torch < 2.3
            with torch.backends.cuda.sdp_kernel(enable_flash=False, enable_math=True, enable_mem_efficient=False):
                yield
        else:
            with sdpa_kernel(SDPBackend.MATH):
                yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


def count_macs(
    expert: nn.Module, wavs: Sequence[torch.Tensor], layers: Sequence[nn.Module] = ()
) -> tuple[int, list[int]]:
    """MACs of one forward pass, in all and inside each of some submodules.

    Args:
        expert: an s3prl upstream (called with a list of waveforms) or any module that takes one.
        wavs: waveforms at 16 kHz, each of shape ``[T]``, on the expert's device.
        layers: submodules whose share is wanted, none inside another.

    Returns:
        ``(total, [share of each layer])``.
    """
    counter = FlopCounterMode(display=False)
    shares = [0] * len(layers)
    handles = []
    for index, layer in enumerate(layers):

        def enter(module: nn.Module, inputs: object, index: int = index) -> None:
            shares[index] -= counter.get_total_flops()

        def leave(module: nn.Module, inputs: object, outputs: object, index: int = index) -> None:
            shares[index] += counter.get_total_flops()

        handles += [layer.register_forward_pre_hook(enter), layer.register_forward_hook(leave)]
    was_training = expert.training
    expert.eval()
    try:
        with torch.no_grad(), _every_product_visible(), counter:
            expert(list(wavs))
    finally:
        for handle in handles:
            handle.remove()
        expert.train(was_training)
    return counter.get_total_flops() // 2, [share // 2 for share in shares]


def count_params(module: nn.Module) -> int:
    """Parameters of a module, a shared one counted once.

    >>> count_params(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())


def depth_costs(expert: nn.Module, seconds: float = 1.0) -> list[DepthCost]:
    """What a whole upstream costs when it is cut at every depth 0..n, n its number of transformer layers.

    One forward pass serves every depth: what lies below the transformer is paid in full by each, and layer i by
    every depth above it. The parameters of a final LayerNorm are counted at depth n only where the family's cuts drop
    it.

    Args:
        expert: an upstream as s3prl's hub builds it, of a family that can be cut.
        seconds: length of the one utterance that the MACs are for.

    Raises:
        DepthError: the upstream has no stack of transformer layers that this package can cut, or its cuts' costs are
            not sums over layers.
    """
    family = family_of(expert)
    layers = family.summed_layers(expert)
    device = next(expert.parameters()).device
    generator = torch.Generator().manual_seed(0)
    wav = torch.randn(round(seconds * SAMPLE_RATE), generator=generator).to(device)
    places = [layers.index(layer) for layer in layers]  # ALBERT's one layer stands in every place
    distinct = list(dict.fromkeys(layers))
    heads = [head for name in family.heads if (head := attrgetter(name)(expert)) is not None]
    total_macs, shares = count_macs(expert, [wav], [*distinct, *heads])
    layer_macs = [shares[distinct.index(layer)] // layers.count(layer) for layer in layers]
    layer_params = [count_params(layer) if places[i] == i else 0 for i, layer in enumerate(layers)]
    for i, norm in enumerate(_state_norms(expert, family)[1:]):
        layer_params[i] += count_params(norm)
    final_norm = 0 if family.cuts_keep_norm else _final_norm_params(expert, family)
    params = count_params(expert) - sum(layer_params) - sum(map(count_params, heads)) - final_norm
    macs = total_macs - sum(shares)
    costs = [DepthCost(0, params, macs)]
    for depth, (more_params, more_macs) in enumerate(zip(layer_params, layer_macs, strict=True), start=1):
        params, macs = params + more_params, macs + more_macs
        costs.append(DepthCost(depth, params, macs))
    costs[-1] = costs[-1]._replace(params=costs[-1].params + final_norm)
    return costs


def _state_norms(expert: nn.Module, family: Family) -> list[nn.Module]:
    parent, _, name = (family.state_norms or "").rpartition(".")
    return list(getattr(attrgetter(parent)(expert), name, [])) if parent else []


def _final_norm_params(expert: nn.Module, family: Family) -> int:
    if family.final_norm is None or not attrgetter(family.pre_norm or "")(expert):
        return 0
    return count_params(attrgetter(family.final_norm)(expert))
