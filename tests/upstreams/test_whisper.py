"""Whisper's encoder: transformers' own states on 30 s (here 2 s), an utterance's own frames on anything shorter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from s3prl_convexprune.errors import CheckpointError, DataError
from s3prl_convexprune.upstreams import registry
from tests.checkpoints import LAYERS

NAME = "hf_whisper-pre"
LIMIT = 2 * 16000  # the tiny model has positions for 100 states
FC1 = "model.encoder.layers.0.fc1.weight"


def states_of(expert, wavs):
    with torch.no_grad():
        return expert(wavs)["hidden_states"]


def load(folder: Path, layers: int | None = None):
    name = "hf_whisper_custom" + (f"_convexpruned_L{layers}" if layers else "")
    return registry.build_upstream(name, ckpt=str(folder)).eval()


def copied(checkpoint, tmp_path) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = Path(shutil.copytree(checkpoint(NAME), tmp_path / "model"))
    return folder, load_file(folder / "model.safetensors")


def speechlike(samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(samples) / 16000
    return 0.1 * torch.randn(samples, generator=generator) * (0.2 + torch.sin(9 * time) ** 2)


@pytest.mark.parametrize("samples", [LIMIT, LIMIT - 1, 9000], ids=str)
def test_padded_to_all_positions_the_states_are_transformers_own(samples, checkpoint, whole):
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    theirs = WhisperForConditionalGeneration.from_pretrained(checkpoint(NAME)).model.encoder.eval()
    wav = torch.nn.functional.pad(speechlike(samples), (0, LIMIT - samples))
    extractor = WhisperFeatureExtractor(chunk_length=2)
    features = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        output = theirs(features, output_hidden_states=True)
    ours = states_of(whole(NAME), [wav])
    assert len(ours) == LAYERS + 1
    for k in range(LAYERS):
        torch.testing.assert_close(ours[k], output.hidden_states[k], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours[-1], output.last_hidden_state, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 159, 321, 5000, 16000, LIMIT], ids=str)
def test_frames_are_the_first_of_those_padded(samples, whole):
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(chunk_length=2)
    wav = speechlike(samples)
    padded = torch.as_tensor(extractor(wav.numpy(), sampling_rate=16000).input_features[0])
    frames = 2 * -(-samples // 320)
    torch.testing.assert_close(whole(NAME).log_mel(wav, frames), padded[:, :frames], rtol=1e-4, atol=1e-4)


def test_what_stands_beside_an_utterance_does_not_change_it(whole):
    expert = whole(NAME)
    wavs = [speechlike(samples, seed) for seed, samples in enumerate((LIMIT, 9000, 400, 12345))]
    together = states_of(expert, wavs)
    for row, wav in enumerate(wavs):
        frames = -(-len(wav) // 320)
        for alone, padded in zip(states_of(expert, [wav]), together, strict=True):
            assert alone.shape[1] == frames
            torch.testing.assert_close(alone[0], padded[row, :frames], rtol=1e-4, atol=1e-4)


def test_longer_than_its_positions_is_refused(whole, cut):
    for expert in (whole(NAME), cut(NAME, 1)):
        with pytest.raises(DataError, match=r"positions for 2 s; a waveform is 2\.00 s long: cut it into segments"):
            expert([speechlike(800), speechlike(LIMIT + 1)])


@pytest.mark.parametrize("layers", [None, 2])
def test_the_decoder_is_never_read(layers, checkpoint, tmp_path, whole, wavs):
    folder, weights = copied(checkpoint, tmp_path)
    kept = {name: weight for name, weight in weights.items() if name.startswith("model.encoder.")}
    spoilt = {name: torch.full((1,), torch.nan) for name in weights if name not in kept}
    save_file(kept | spoilt, folder / "model.safetensors", {"format": "pt"})
    expected, ours = states_of(whole(NAME), wavs), states_of(load(folder, layers), wavs)
    assert all(torch.equal(a, b) for a, b in zip(ours[:-1], expected[: len(ours) - 1], strict=True))
    assert not any("decoder" in name for name, _ in load(folder, layers).named_modules())


def test_an_exported_encoder_is_transformers_own(checkpoint, tmp_path, wavs):
    from transformers import WhisperForAudioClassification

    from s3prl_convexprune.upstreams.export import export_cut

    entry = registry.load_hub().hf_whisper_custom
    export_cut(entry, "hf_whisper_custom", 2, tmp_path / "cut", "keep", ckpt=str(checkpoint(NAME)))
    assert all("encoder" in name for name in load_file(tmp_path / "cut" / "model.safetensors"))
    theirs = WhisperForAudioClassification.from_pretrained(tmp_path / "cut").encoder.state_dict()
    ours = load(tmp_path / "cut").model.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("layers", [None, 1])
@pytest.mark.parametrize("how", ["missing", "shape", "nan"])
def test_a_weight_that_cannot_be_used_is_named(how, layers, checkpoint, tmp_path):
    folder, weights = copied(checkpoint, tmp_path)
    weights[FC1] = {"shape": torch.zeros(5, 7), "nan": torch.full_like(weights[FC1], torch.nan)}.get(how, weights[FC1])
    if how == "missing":
        del weights[FC1]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"encoder\.layers\.0\.fc1\.weight") as error:
        load(folder, layers)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "file, change, reason",
    [
        ("config.json", {"model_type": "hubert"}, "type 'hubert', expected 'whisper'; hf_hubert_custom takes it"),
        ("config.json", {"encoder_layers": "six"}, "expected a number of layers"),
        ("config.json", {"encoder_layers": 9}, "lacks encoder.layers.4."),
        ("config.json", {"attn_implementation": "someone/kernel"}, "was refused and not fetched"),
        ("preprocessor_config.json", {"n_fft": 512}, "{'n_fft': 512} is not Whisper's; expected"),
    ],
    ids=str,
)
def test_a_folder_of_something_else(file, change, reason, checkpoint, tmp_path):
    folder, _ = copied(checkpoint, tmp_path)
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | change))
    with pytest.raises(CheckpointError) as error:
        load(folder)
    assert reason in str(error.value)


def test_a_folder_without_an_extractor_is_whispers_own(checkpoint, tmp_path, whole, wavs):
    folder, _ = copied(checkpoint, tmp_path)
    (folder / "preprocessor_config.json").unlink()
    for layers in (None, 2):
        expected = states_of(whole(NAME), wavs)
        ours = states_of(load(folder, layers), wavs)
        assert torch.equal(ours[1], expected[1])
