"""In a padded batch every utterance has the states that it has alone, whatever family the upstream is of."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune import compat

compat.apply()

from s3prl_convexprune.upstreams.families import FAMILIES, family_of  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

#: Lengths of all remainders: chunks of 320 samples, Kaldi's frames, patches of two frames, an even number of frames.
LENGTHS = (9000, 16000, 9320, 12345, 720, 15999, 11111)
EXACT = 1e-5


def waveforms():
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(length, generator=generator) for length in LENGTHS]


@pytest.fixture(scope="module", params=[name for name in CASES if not name.startswith(("ssast", "ast", "roberta"))])
def expert(request, tmp_path_factory):
    case = CASES[request.param]
    return case.whole(case.build(tmp_path_factory.mktemp("ckpt")))


def alone(expert, wav):
    return [state[0] for state in expert([wav])["hidden_states"]]


@torch.inference_mode()
def test_states_in_a_padded_batch_are_those_alone(expert):
    padding = family_of(expert).padding
    if padding is None:
        pytest.skip("batched by equal lengths")
    wavs = waveforms()
    expected = [alone(expert, wav) for wav in wavs]
    with padding.exact(expert) as tell:
        tell(list(LENGTHS))
        together = expert(wavs)["hidden_states"]
    count = padding.frames(expert)
    for row, states in enumerate(expected):
        frames = count(LENGTHS[row])
        for k, state in enumerate(states):
            # s3prl shortens some families' states to the samples' worth of frames
            assert frames == len(state), (LENGTHS[row], k)
            scale = state.abs().max()
            assert (together[k][row, :frames] - state).abs().max() <= EXACT * scale, (LENGTHS[row], k)


@torch.inference_mode()
def test_without_it_a_base_front_end_hears_padding_and_so_again_afterwards(tmp_path):
    case = CASES["hubert-post"]
    expert = case.whole(case.build(tmp_path))
    wavs = waveforms()
    before = expert(wavs)["hidden_states"]
    with family_of(expert).padding.exact(expert) as tell:
        tell([8000, 8000])
        equal = expert([wav[:8000] for wav in wavs if len(wav) >= 8000][:2])["hidden_states"]
    after = expert(wavs)["hidden_states"]
    bare = expert([wav[:8000] for wav in wavs if len(wav) >= 8000][:2])["hidden_states"]
    for k, state in enumerate(before):
        assert torch.equal(after[k], state) and torch.equal(equal[k], bare[k])
    shortest = alone(expert, wavs[4])[0]
    assert (before[0][4, : len(shortest)] - shortest).abs().max() > 1e-2 * shortest.abs().max()


def test_families_that_cannot_keep_padding_out():
    equal = {name.rsplit("-", 1)[0] for name in CASES} - {family.name for family in FAMILIES if family.padding}
    assert equal - {"tera", "audio_albert"} == {"multires_hubert", "roberta", "ssast", "ast"}
