"""Depths that an upstream does not have."""

from __future__ import annotations

import pytest

from s3prl_convexprune.errors import ConfigError, DepthError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.prune import prune_upstream


@pytest.mark.parametrize("name, entry", [("hubert-post", "hubert_custom"), ("hf_wavlm-pre", "hf_wavlm_custom")])
@pytest.mark.parametrize("layers", [5, 13])
def test_more_layers_than_there_are(name, entry, layers, checkpoint):
    with pytest.raises(DepthError, match=rf"{entry} has 4 transformer layers; L{layers} is out of range 1\.\.4"):
        registry.build_upstream(f"{entry}_convexpruned_L{layers}", ckpt=str(checkpoint(name)))


def test_no_layer_at_all_in_a_name(checkpoint):
    with pytest.raises(DepthError, match="layers: 0"):
        registry.build_upstream("hubert_custom_convexpruned_L0", ckpt=str(checkpoint("hubert-post")))


@pytest.mark.parametrize("layers", [-1, 5])
def test_out_of_range(layers, whole):
    with pytest.raises(DepthError, match=r"hubert has 4 transformer layers; L-?\d is out of range 1\.\.4"):
        prune_upstream(whole("hubert-post"), layers)


@pytest.mark.parametrize("layers", [2.0, True, "2", None])
def test_not_a_whole_number(layers, whole):
    with pytest.raises(DepthError, match="not a whole number"):
        prune_upstream(whole("hubert-post"), layers)


@pytest.mark.parametrize("name", ["mae_ast-post", "espnet_hubert-post"])
def test_no_state_before_the_first_layer(name, whole):
    with pytest.raises(DepthError, match="gives no hidden state before its first transformer layer"):
        prune_upstream(whole(name), 0)


def test_a_base_that_is_itself_a_cut(checkpoint):
    with pytest.raises(ConfigError, match="itself a cut"):
        registry.build_upstream("hubert_custom_convexpruned_L3_convexpruned_L2", ckpt=str(checkpoint("hubert-post")))


def test_a_cut_has_the_layers_it_kept(whole):
    cut = prune_upstream(whole("hubert-post"), 2)
    with pytest.raises(DepthError, match=r"hubert has 2 transformer layers; L3 is out of range 1\.\.2"):
        prune_upstream(cut, 3)
