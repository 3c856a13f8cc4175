"""An upstream as it is measured: built, with the weights of a run where one is named."""

from __future__ import annotations

from typing import Any

from ..fingerprint import weights_sha256
from ..memory import keep_few_kernels
from ..upstreams.cost import DepthCost
from ..upstreams.finetuned import load_finetuned
from ..upstreams.registry import build_upstream
from .hidden_states import batching_for
from .request import Request
from .scoring import costs_by_depth


class Built:
    """The upstream of a request; the same for every label.

    Args:
        request: what is asked for.

    Attributes:
        expert: the upstream.
        batching: how its batches are made.
        weights: SHA-256 over its weights.
        costs: what every depth costs, once `count_costs` was called.

    Raises:
        ConvexPruneError: it cannot be built.
    """

    def __init__(self, request: Request) -> None:
        keep_few_kernels()
        self.expert: Any = build_upstream(request.upstream, ckpt=request.ckpt)
        self.batching = batching_for(self.expert, request.batching)
        if request.run is not None:
            load_finetuned(self.expert, request.upstream, request.run)
        self.weights = weights_sha256(self.expert)
        self.costs: dict[int, DepthCost] = {}

    def count_costs(self) -> None:
        """Fill in `costs`, while the upstream is where it was built."""
        self.costs = costs_by_depth(self.expert)
