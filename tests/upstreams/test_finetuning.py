"""Fine-tuning and feature selection of cut upstreams: ``-f``, ``-s last_hidden_state``, ``-l K``,
``--upstream_feature_normalize``, LayerDrop, and which parameters exist and learn."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from s3prl_convexprune.upstreams.families import family_of
from s3prl_convexprune.upstreams.prune import transformer_layers
from tests.checkpoints import CASES
from tests.upstreams.conftest import FIXED_SIZE, depths

NAMES = [name for name in CASES if name not in FIXED_SIZE]
# audio_albert: one layer stands in every place, so a cut removes passes, not parameters
OWN_LAYERS = [name for name in NAMES if name != "audio_albert-post"]
KEY_BIASES = ("k_proj.bias", "key.bias", "linear_k.bias")


def parameters_of(expert, layer: int) -> set[str]:
    """Names of the parameters of one transformer layer."""
    inside = {id(parameter) for parameter in transformer_layers(expert)[layer].parameters()}
    return {name for name, parameter in expert.named_parameters() if id(parameter) in inside}


def learned(expert, wavs) -> set[str]:
    """Parameters that a loss on all hidden states reaches."""
    expert.zero_grad()
    sum(state.square().sum() for state in expert(wavs)["hidden_states"]).backward()
    return {
        name
        for name, parameter in expert.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


@pytest.mark.parametrize("name", OWN_LAYERS)
def test_what_is_left_is_the_whole_one_without_what_the_cut_removed(name, whole, cut, wavs):
    layers = depths(name)[-2]
    reference, expert = whole(name), cut(name, layers)
    family = family_of(expert)
    there, left = dict(reference.named_parameters()), dict(expert.named_parameters())
    assert left.keys() <= there.keys()
    upper = {name for layer in range(layers, CASES[name].layers) for name in parameters_of(reference, layer)}
    gone = there.keys() - left.keys()
    assert upper <= gone
    others = gone - upper
    allowed = {
        "multires_hubert": ("model.decoders.0.layer_norm.",),
        "distilhubert": ("model.model.output_layer.", "model.model.encoder.layer_norm."),
        "mockingjay": ("transformer.model.encoder.LayerNorm.",),
        "ssast": ("model.v.norm.", "model.mlp_head."),
    }.get(CASES[name].family, (f"{family.final_norm}.",))
    assert all(parameter.startswith(allowed) for parameter in others), others


@pytest.mark.parametrize("name", OWN_LAYERS)
def test_gradients_reach_what_they_reach_in_the_whole_one(name, whole, cut, wavs):
    layers = depths(name)[-2]
    reference, expert = whole(name), cut(name, layers)
    expected = learned(reference, wavs) & {parameter for parameter, _ in expert.named_parameters()}
    assert learned(expert, wavs) == expected
    for layer in range(layers):  # a bias on the keys shifts every score alike, and softmax does not see it
        names = parameters_of(expert, layer)
        assert all(parameter.endswith(KEY_BIASES) for parameter in names - expected), names - expected


@pytest.mark.parametrize("name", NAMES)
def test_training_steps_never_lose_a_state(name, cut, wavs):
    """The checkpoints ask for LayerDrop 0.5; with it on, states go missing and s3prl's weighted sum fails."""
    from s3prl.upstream.interfaces import Featurizer

    expert = cut(name, depths(name)[-1])
    featurizer = Featurizer(expert, upstream_device="cpu")
    expert.train()
    optimizer = torch.optim.SGD([*expert.parameters(), *featurizer.parameters()], lr=1e-3)
    for _ in range(3):
        features = featurizer(wavs, expert(wavs))
        sum(feature.square().mean() for feature in features).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(torch.isfinite(parameter).all() for parameter in expert.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_feature_selection_as_the_runner_asks_for_it(name, cut, wavs):
    from s3prl.upstream.interfaces import Featurizer

    layers = depths(name)[-2]
    expert = cut(name, layers)
    with torch.no_grad():
        output = expert(wavs)
        states = output["hidden_states"]
        last = Featurizer(expert, "last_hidden_state", upstream_device="cpu")
        assert not list(last.parameters())
        assert torch.equal(last(wavs, output)[0], states[-1][0][: len(last(wavs, output)[0])])
        chosen = Featurizer(expert, upstream_device="cpu", layer_selection=0)
        assert torch.equal(chosen(wavs, output)[0], states[0][0][: len(chosen(wavs, output)[0])])
        summed = Featurizer(expert, upstream_device="cpu", normalize=True)
        assert len(getattr(summed, "weights", [0])) == len(states)
        if len(states) > 1:
            expected = sum(F.layer_norm(state, state.shape[-1:]) for state in states) / len(states)
            got = summed(wavs, output)[0]
            assert torch.allclose(got, expected[0][: len(got)], atol=1e-5)


@pytest.mark.parametrize("name", ["hubert-post", "hf_hubert-pre", "mockingjay-post", "distilhubert-post"])
def test_no_layer_at_all_gives_one_state_and_no_weighted_sum(name, cut, wavs):
    from s3prl.upstream.interfaces import Featurizer

    expert = cut(name, 0)
    featurizer = Featurizer(expert, upstream_device="cpu")
    assert not list(featurizer.parameters())
    with torch.no_grad():
        assert len(expert(wavs)["hidden_states"]) == 1
        assert len(featurizer(wavs, expert(wavs))) == len(wavs)


@pytest.mark.parametrize(
    "layers, gone", [(1, ["middle_encoder", "downsample", "upsample", "decoders"]), (5, ["upsample", "decoders"])]
)
def test_an_hourglass_loses_the_stacks_above_the_cut_and_the_way_to_them(layers, gone, cut):
    left = {name.split(".")[1] for name, _ in cut("multires_hubert-pre", layers).named_parameters()}
    assert not [part for part in left if part.startswith(tuple(gone))]
    assert "encoders" in left and ("middle_encoder" in left) == (layers == 5)
