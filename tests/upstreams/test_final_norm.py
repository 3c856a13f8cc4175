"""What becomes of the LayerNorm after the last layer of a pre-norm encoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.upstreams.attributes import get
from s3prl_convexprune.upstreams.families import FAMILIES, family_of
from s3prl_convexprune.upstreams.prune import prune_upstream
from tests.checkpoints import CASES

WITH_FINAL_NORM = {family.name for family in FAMILIES if family.final_norm}
PRE_NORM = [name for name, case in CASES.items() if case.family in WITH_FINAL_NORM and not name.endswith("-post")]
POST_NORM = [name for name, case in CASES.items() if case.family in WITH_FINAL_NORM and name.endswith("-post")]


def states_of(expert, wavs):
    with torch.no_grad():
        return expert(wavs)["hidden_states"]


def test_every_pre_norm_family_is_here():
    assert {CASES[name].family for name in PRE_NORM} == WITH_FINAL_NORM - {"decoar2"}  # DeCoAR 2.0 is post-norm


@pytest.mark.parametrize("name", PRE_NORM)
def test_keep_gives_the_layer_norm_of_the_state(name, whole, cut, wavs):
    reference = whole(name)
    norm = get(reference, family_of(reference).final_norm)
    expected = states_of(reference, wavs)
    for layers in (1, 3):
        *below, last = states_of(cut(name, layers, "keep"), wavs)
        assert all(torch.equal(a, b) for a, b in zip(below, expected, strict=False))
        with torch.no_grad():
            assert torch.allclose(last, norm(expected[layers]), atol=1e-6)
        assert not torch.allclose(last, expected[layers], atol=1e-2)


@pytest.mark.parametrize("name", PRE_NORM)
def test_the_last_state_of_the_whole_has_been_normalised(name, whole, wavs):
    """One answer on every transformers version: hidden_states[n] is after the final LayerNorm, as in s3prl's own."""
    reference = whole(name)
    norm = get(reference, family_of(reference).final_norm)
    last = states_of(reference, wavs)[-1]
    with torch.no_grad():
        undone = (last - norm.bias) / norm.weight
    assert torch.allclose(undone.mean(-1), torch.zeros(()), atol=1e-3)
    assert torch.allclose(undone, F.layer_norm(undone, undone.shape[-1:]), atol=1e-3)


@pytest.mark.parametrize("name", PRE_NORM)
def test_a_cut_at_all_layers_keeps_it_whatever_is_asked(name, whole, cut, wavs):
    expected = states_of(whole(name), wavs)
    for final_norm in ("drop", "keep"):
        assert torch.equal(states_of(cut(name, CASES[name].layers, final_norm), wavs)[-1], expected[-1])


@pytest.mark.parametrize("name", PRE_NORM)
def test_a_dropped_one_leaves_no_parameter(name, whole, cut):
    path = family_of(whole(name)).final_norm
    assert not [parameter for parameter in cut(name, 2).state_dict() if parameter.startswith(path + ".")]
    assert [parameter for parameter in cut(name, 2, "keep").state_dict() if parameter.startswith(path + ".")]


@pytest.mark.parametrize("name", POST_NORM)
def test_post_norm_upstreams_do_not_care(name, cut, wavs):
    for dropped, kept in zip(states_of(cut(name, 2), wavs), states_of(cut(name, 2, "keep"), wavs), strict=True):
        assert torch.equal(dropped, kept)


@pytest.mark.parametrize("name", PRE_NORM)
def test_whisper_keeps_it_unless_told_otherwise_and_the_others_do_not(name, cut, wavs):
    usual = "keep" if CASES[name].family == "hf_whisper" else "drop"
    for unstated, stated in zip(states_of(cut(name, 2, None), wavs), states_of(cut(name, 2, usual), wavs), strict=True):
        assert torch.equal(unstated, stated)


def test_an_unknown_setting_names_the_two(whole):
    with pytest.raises(ConfigError, match="final_norm is 'maybe'; expected one of drop, keep"):
        prune_upstream(whole("hubert-pre"), 2, "maybe")


def test_what_an_earlier_cut_dropped_cannot_be_kept(whole):
    assert prune_upstream(prune_upstream(whole("hf_whisper-pre"), 3, "drop"), 2)
    cut_once = prune_upstream(whole("hubert-pre"), 3)
    with pytest.raises(ConfigError, match="an earlier cut of this hubert dropped it"):
        prune_upstream(cut_once, 2, "keep")
