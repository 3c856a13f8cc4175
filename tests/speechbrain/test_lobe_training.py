"""What a training step of the lobe changes, and what it must not."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune.speechbrain import PrunedUpstream
from tests.checkpoints import CASES

TRAINED = ("hubert-post", "hubert-pre", "wav2vec2-post", "wavlm-post", "hf_hubert-post", "hf_wav2vec2-pre")
PRETRAINING_ONLY = (
    "mask_emb",
    "masked_spec_embed",
    "final_proj",
    "label_embs",
    "quantizer",
    "project_q",
    "input_quantizer",
)


@pytest.fixture
def make(checkpoint):
    def lobe(name: str, **arguments) -> PrunedUpstream:
        return PrunedUpstream(CASES[name].entry, ckpt=checkpoint(name), **arguments)

    return lobe


def batch():
    generator = torch.Generator().manual_seed(3)
    return 0.1 * torch.randn(2, 8000, generator=generator), torch.tensor([1.0, 0.8])


def changed_by_a_step(lobe: PrunedUpstream) -> set[str]:
    """Names of the upstream's parameters that one optimizer step moves."""
    torch.manual_seed(0)
    head = torch.nn.Linear(lobe.output_size, 3)
    before = {name: value.clone() for name, value in lobe.upstream.state_dict().items()}
    parameters = [*lobe.upstream_parameters(), *lobe.head_parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    lobe.train()
    head(lobe(*batch())).square().sum().backward()
    optimizer.step()
    after = lobe.upstream.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def conv_front_end(names: set[str]) -> set[str]:
    return {name for name in names if ".feature_extractor." in name}


@pytest.mark.parametrize("name", TRAINED)
def test_a_frozen_upstream_keeps_every_bit_and_has_no_dropout(name, make):
    lobe = make(name, freeze=True)
    assert changed_by_a_step(lobe) == set()
    lobe.train()
    assert torch.equal(lobe(*batch()), lobe(*batch()))
    assert not lobe(*batch()).requires_grad


@pytest.mark.parametrize("name", TRAINED)
def test_an_unfrozen_upstream_learns_in_exactly_the_kept_layers(name, make):
    cut, whole = make(name, layer=2), make(name)
    learned = changed_by_a_step(cut)
    assert conv_front_end(learned), "the front end stays untrained: s3prl's feature_grad_mult is still 0"
    layers = {part.split(".")[0] for key in learned for part in key.split("encoder.layers.")[1:]}
    assert layers == {"0", "1"}
    assert cut.upstream_parameters() and len(cut.upstream_parameters()) < len(whole.upstream_parameters())
    silent = {key for key, _ in cut.upstream.named_parameters()} - learned
    unexplained = {
        key for key in silent if not any(part in key for part in PRETRAINING_ONLY) and "k_proj.bias" not in key
    }
    assert not unexplained


@pytest.mark.parametrize("name", TRAINED)
def test_freezing_the_feature_extractor_freezes_it_alone(name, make):
    learned = changed_by_a_step(make(name, freeze_feature_extractor=True))
    assert learned and not conv_front_end(learned)


@pytest.mark.parametrize("name", TRAINED)
def test_gradient_checkpointing_gives_the_same_gradients(name, make):
    gradients = []
    for checkpointing in (False, True):
        lobe = make(name, gradient_checkpointing=checkpointing).train()
        torch.manual_seed(5)
        lobe(*batch()).square().mean().backward()
        gradients.append({key: p.grad for key, p in lobe.named_parameters() if p.grad is not None})
    plain, recomputed = gradients
    assert plain.keys() == recomputed.keys()
    for key, gradient in plain.items():
        torch.testing.assert_close(recomputed[key], gradient, msg=key)


def test_gradient_checkpointing_recomputes_each_layer_once(make):
    lobe = make("hubert-post", gradient_checkpointing=True).train()
    runs = []
    lobe.upstream.model.encoder.layers[1].self_attn.register_forward_hook(lambda *_: runs.append(1))
    lobe(*batch()).sum().backward()
    assert len(runs) == 2


def test_states_stay_complete_in_train_mode(make):
    """The checkpoints ask for LayerDrop 0.5, which would lose hidden states."""
    for name in TRAINED:
        lobe = make(name, output_all_hiddens=True).train()
        assert {len(lobe(*batch())) for _ in range(5)} == {lobe.num_states}
