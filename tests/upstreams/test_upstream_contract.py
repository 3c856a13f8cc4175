"""What s3prl's own upstream tests assert, for every cut family: forward and backward on very short audio, states
counted alike in training and evaluation, the same features twice, a downsample rate that fits the frames."""

from __future__ import annotations

import pytest
import torch

from tests.checkpoints import CASES
from tests.upstreams.conftest import FIXED_SIZE, depths

RATE = 16000
TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])
TRAINING_PASSES = 5
NAMES = [name for name in CASES if name not in FIXED_SIZE]


def noise(*seconds: float, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [0.1 * torch.randn(int(RATE * second), generator=generator) for second in seconds]


@pytest.mark.parametrize("name", NAMES)
def test_states_are_counted_alike_and_repeat(name, cut):
    layers = depths(name)[-2]
    expert = cut(name, layers)
    with torch.no_grad():
        once, again = expert(noise(1.0, 0.6))["hidden_states"], expert(noise(1.0, 0.6))["hidden_states"]
        assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
        expert.train()
        for seed in range(TRAINING_PASSES):
            assert len(expert(noise(0.7, 0.4, seed=seed))["hidden_states"]) == len(once)


@pytest.mark.parametrize("seconds", [(0.05,), (0.05, 0.05), (0.05, 0.6, 1.0)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward(name, seconds, cut):
    if CASES[name].family in ("tera", "audio_albert"):
        pytest.skip("further entries of the mockingjay row")
    if CASES[name].family == "roberta" and len(seconds) == 3 and TORCH < (2, 5):
        pytest.skip("one of its windows holds padding alone: NaN on torch before 2.5, of s3prl's own upstream too")
    expert = cut(name, depths(name)[1])
    states = expert(noise(*seconds))["hidden_states"]
    sum(state.sum() for state in states).backward()
    gradients = [p.grad for p in expert.parameters() if p.grad is not None]
    assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_the_downsample_rate_fits_the_frames(name, cut, whole):
    expert = cut(name, depths(name)[1])
    rate = expert.get_downsample_rates("hidden_states")
    assert rate == whole(name).get_downsample_rates("hidden_states")
    with torch.no_grad():
        frames = expert(noise(1.0))["hidden_states"][-1].shape[1]
    assert abs(frames - RATE / rate) < 5  # s3prl's TOLERABLE_SEQLEN_DIFF


@pytest.mark.parametrize("name", ["hubert-pre", "wavlm-post", "hf_wavlm-pre", "mockingjay-post"])
def test_s3prl_upstream_class_takes_it(name, checkpoint):
    """What a notebook and ESPnet do: s3prl.nn.S3PRLUpstream and its Featurizer, by name."""
    from s3prl.nn import Featurizer, S3PRLUpstream

    model = S3PRLUpstream(f"{CASES[name].entry}_convexpruned_L2", path_or_url=str(checkpoint(name)))
    assert model.num_layers == 3
    assert len(model.hidden_sizes) == len(model.downsample_rates) == 3
    featurizer = Featurizer(model, layer_selections=[0, 2], normalize=True)
    wavs = torch.nn.utils.rnn.pad_sequence(noise(1.0, 0.6), batch_first=True)
    lengths = torch.LongTensor([RATE, int(0.6 * RATE)])
    states, state_lengths = featurizer(*model(wavs, lengths))
    assert states.shape[0] == 2 and states.shape[2] == featurizer.output_size
    assert state_lengths[0] > state_lengths[1]
