"""The lobe against s3prl's own upstream on the same waveforms, for every family."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from s3prl_convexprune.errors import DepthError
from s3prl_convexprune.speechbrain import PrunedUpstream
from s3prl_convexprune.upstreams.registry import build_upstream
from tests.checkpoints import CASES, LAYERS

SAMPLES = (9000, 16000, 12345)


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(7)
    wavs = [0.1 * torch.randn(samples, generator=generator) for samples in SAMPLES]
    padded = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    return wavs, padded, torch.tensor(SAMPLES) / max(SAMPLES)


def conv_formula(samples: int) -> int:
    for kernel, stride in [(10, 5)] + [(3, 2)] * 4 + [(2, 2)] * 2:
        samples = (samples - kernel) // stride + 1
    return samples


ON_THE_HUB = [name for name, case in CASES.items() if case.load is None]


@pytest.mark.parametrize("name", ON_THE_HUB)
def test_padded_batch_is_what_the_upstream_gives_for_the_same_wavs(name, checkpoint, batch):
    entry, ckpt = CASES[name].entry, checkpoint(name)
    wavs, padded, lens = batch
    lobe = PrunedUpstream(entry, ckpt=ckpt, output_all_hiddens=True).eval()
    with torch.no_grad():
        ours = lobe(padded, lens)
        theirs = build_upstream(entry, ckpt=ckpt).eval()(wavs)["hidden_states"]
    assert ours.shape[0] == len(theirs) == lobe.num_states
    with torch.no_grad():
        alone = [lobe.upstream([wav])["hidden_states"][-1].shape[1] for wav in wavs]
    for state, reference in zip(ours, theirs, strict=True):
        for row, frames in enumerate(alone):
            assert torch.equal(state[row, :frames], reference[row, :frames])
            assert not state[row, frames:].any()
    relative = lobe.frame_lens(padded, lens, ours.shape[2])
    assert torch.round(relative * ours.shape[2]).tolist() == alone


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("-pre") and name.startswith("hf_")])
def test_padding_changes_nothing_where_the_architecture_masks_it(name, checkpoint, batch):
    """Layer-norm front ends see one frame at a time; with masked attention a batch equals single utterances."""
    entry, ckpt = CASES[name].entry, checkpoint(name)
    wavs, padded, lens = batch
    lobe = PrunedUpstream(entry, ckpt=ckpt).eval()
    with torch.no_grad():
        together = lobe(padded, lens)
        for row, wav in enumerate(wavs):
            alone = lobe(wav[None])[0]
            torch.testing.assert_close(together[row, : len(alone)], alone, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["hubert-post", "hubert-pre", "hf_hubert-pre", "wavlm-post"])
@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_a_numbered_layer_is_that_hidden_state_of_the_whole(name, layer, checkpoint, batch):
    entry, ckpt = CASES[name].entry, checkpoint(name)
    _, padded, lens = batch
    with torch.no_grad():
        every = PrunedUpstream(entry, ckpt=ckpt, output_all_hiddens=True).eval()(padded, lens)
        one = PrunedUpstream(entry, ckpt=ckpt, layer=layer).eval()(padded, lens)
    assert torch.equal(one, every[layer])


def test_states_are_counted_in_layers_where_the_first_one_has_a_layer_behind_it(checkpoint, batch):
    ckpt, (_, padded, lens) = checkpoint("mae_ast-post"), batch
    with torch.no_grad():
        every = PrunedUpstream("mae_ast_local", ckpt=ckpt, output_all_hiddens=True).eval()(padded, lens)
        for layer in range(1, LAYERS + 1):
            one = PrunedUpstream("mae_ast_local", ckpt=ckpt, layer=layer).eval()
            assert torch.equal(one(padded, lens), every[layer - 1])
    with pytest.raises(DepthError, match=r"1\.\.4"):
        PrunedUpstream("mae_ast_local", ckpt=ckpt, layer=0)


@pytest.mark.parametrize("layernorm", [False, True])
def test_weighted_is_the_softmax_weighted_sum(layernorm, checkpoint, batch):
    entry, ckpt = "hubert_custom", checkpoint("hubert-post")
    _, padded, lens = batch
    lobe = PrunedUpstream(entry, ckpt=ckpt, layer="weighted", layernorm=layernorm).eval()
    states = PrunedUpstream(entry, ckpt=ckpt, output_all_hiddens=True).eval()(padded, lens)
    torch.nn.init.normal_(lobe.weights)
    if layernorm:
        states = F.layer_norm(states, states.shape[-1:])
    expected = sum(w * s for w, s in zip(lobe.weights.softmax(0), states, strict=True))
    out = lobe(padded, lens)
    frames = conv_formula(SAMPLES[0])
    torch.testing.assert_close(out[0, :frames], expected[0, :frames])
    out.sum().backward()
    assert lobe.weights.grad is not None and lobe.weights.grad.abs().sum() > 0


def test_output_norm_is_speechbrains_on_full_lengths_and_blind_to_padding(checkpoint, batch):
    entry, ckpt = "hf_hubert_custom", checkpoint("hf_hubert-pre")
    wavs, padded, lens = batch
    plain = PrunedUpstream(entry, ckpt=ckpt).eval()
    normed = PrunedUpstream(entry, ckpt=ckpt, output_norm=True).eval()
    with torch.no_grad():
        full = plain(wavs[1][None])
        torch.testing.assert_close(normed(wavs[1][None]), F.layer_norm(full, full.shape[1:]), atol=1e-5, rtol=1e-4)
        together, alone = normed(padded, lens)[0], normed(wavs[0][None])[0]
    torch.testing.assert_close(together[: len(alone)], alone, atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ["hubert-post", "hf_wav2vec2-pre", "wavlm-post"])
def test_bfloat16_autocast_stays_near_float32(name, checkpoint, batch):
    entry, ckpt = CASES[name].entry, checkpoint(name)
    _, padded, lens = batch
    lobe = PrunedUpstream(entry, ckpt=ckpt)
    lobe.eval()
    full = lobe(padded, lens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = lobe(padded, lens)
    assert half.isfinite().all()
    assert F.cosine_similarity(full.flatten(), half.float().flatten(), dim=0) > 0.99
    half.float().sum().backward()
