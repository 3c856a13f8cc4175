"""A cut upstream's hidden states are the whole one's first, to the last bit, at every depth of every family."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune.upstreams.prune import num_layers, state_depths
from tests.checkpoints import CASES
from tests.upstreams.conftest import depths


def states_of(expert, wavs):
    with torch.no_grad():
        return expert(wavs)["hidden_states"]


def starts_with(states, first) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, states[: len(first)], strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_first_states_are_the_whole_ones(name, whole, cut, wavs):
    reference = whole(name)
    assert num_layers(reference) == CASES[name].layers
    expected = states_of(reference, wavs)
    behind = state_depths(reference, len(expected))
    for layers in depths(name):
        with torch.no_grad():
            output = cut(name, layers)(wavs)
        states = output["hidden_states"]
        kept = expected[: behind.index(layers) + 1]
        assert len(states) == len(kept)
        states = [state[:, : kept[0].shape[1]] for state in states]  # of multires_hubert only: see pruning/multires
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(states, kept, strict=True)), f"L{layers}"
        assert torch.equal(output["last_hidden_state"], states[-1])


@pytest.mark.parametrize("name", ["hubert-post", "wavlm-pre", "hf_hubert-pre", "distilhubert-post", "mockingjay-post"])
def test_one_utterance_alone_gives_the_whole_ones_states_too(name, whole, cut, wavs):
    for wav in wavs:
        expected = states_of(whole(name), [wav])
        assert starts_with(expected, states_of(cut(name, 1), [wav]))


@pytest.mark.parametrize("name", ["hubert-pre", "hf_wav2vec2-pre", "mae_ast-post", "roberta-post", "distilhubert-pre"])
def test_cutting_a_cut_is_cutting_once(name, whole, cut, wavs):
    from s3prl_convexprune.upstreams.prune import prune_upstream

    twice = prune_upstream(prune_upstream(whole(name), 2), 1)
    once = cut(name, 1)
    assert set(twice.state_dict()) == set(once.state_dict())
    for ours, theirs in zip(states_of(twice, wavs), states_of(once, wavs), strict=True):
        assert torch.equal(ours, theirs)


def test_prediction_heads_are_no_depth(whole, wavs):
    expert = whole("distilhubert-post")
    assert state_depths(expert, len(states_of(expert, wavs))) == [0, 1, 2, None, None, None]


def test_states_that_start_after_the_first_layer_are_counted_from_one(whole, wavs):
    expert = whole("mae_ast-post")
    assert state_depths(expert, len(states_of(expert, wavs))) == [1, 2, 3, 4]
