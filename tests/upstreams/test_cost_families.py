"""The costs by depth are those of the cuts themselves, in every family."""

from __future__ import annotations

import pytest

from s3prl_convexprune.errors import DepthError
from s3prl_convexprune.upstreams.cost import count_params, depth_costs
from tests.checkpoints import CASES
from tests.upstreams.conftest import FIXED_SIZE, depths

# a pre-norm DistilHuBERT, which nobody has released, loses a LayerNorm that only its heads see
LEFT_OUT = (*FIXED_SIZE, "multires_hubert-post", "multires_hubert-pre", "distilhubert-pre")
NAMES = [name for name in CASES if name not in LEFT_OUT]


@pytest.mark.parametrize("name", NAMES)
def test_parameters(name, whole, cut):
    costs = {cost.layers: cost.params for cost in depth_costs(whole(name), seconds=0.1)}
    for layers in depths(name):
        assert costs[layers] == count_params(cut(name, layers, None))


def test_an_hourglass_is_no_sum_over_layers(whole):
    with pytest.raises(DepthError, match="profile the cut itself"):
        depth_costs(whole("multires_hubert-post"))
