"""A transformers folder, converted, gives s3prl's own model the same hidden states."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import HubertModel, Wav2Vec2FeatureExtractor

import s3prl_convexprune.compat  # noqa: F401
from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams.convert import hf_to_s3prl
from tests.checkpoints import CASES

LAYERS = 3
CONV_DIM = [16] * 7  # as wide as the hidden states, which the other checkpoints are, it is refused


def save(folder: Path, family: str, large: bool, normalize: bool, **changes: object) -> Path:
    case = CASES[f"hf_{family}-{'pre' if large else 'post'}"]
    path = case.build(folder, LAYERS, **{"conv_dim": CONV_DIM, "mask_time_prob": 0.05, **changes})
    Wav2Vec2FeatureExtractor(do_normalize=normalize, return_attention_mask=True).save_pretrained(path)
    return path


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("large", [False, True], ids=["post-norm", "pre-norm"])
@pytest.mark.parametrize("family", ["hubert", "wav2vec2"])
def test_hidden_states_are_equal(tmp_path: Path, family: str, large: bool, normalize: bool) -> None:
    from s3prl import hub

    folder = save(tmp_path / "hf", family, large, normalize)
    checkpoint = hf_to_s3prl(folder, tmp_path / "native.pt")
    before = getattr(hub, f"hf_{family}_custom")(ckpt=str(folder)).eval()
    after = getattr(hub, f"{family}_custom")(ckpt=str(checkpoint)).eval()
    wav = [0.5 * torch.randn(8000)]
    tolerance = 1e-4 if normalize else 1e-5  # normalising adds 1e-7 to the variance there and 1e-5 here
    with torch.no_grad():
        expected, found = before(wav)["hidden_states"], after(wav)["hidden_states"]
    assert len(expected) == len(found) == LAYERS + 1
    for one, other in zip(expected, found, strict=True):
        assert float((one - other).abs().max()) <= tolerance


def test_every_weight_is_carried_over(tmp_path: Path) -> None:
    folder = save(tmp_path / "hf", "hubert", False, False)
    state = torch.load(hf_to_s3prl(folder, tmp_path / "native.pt"), weights_only=True)
    head = {"final_proj.weight", "final_proj.bias"}
    sums = sorted(float(t.double().sum()) for n, t in state["model_weight"].items() if n not in head)
    source = HubertModel.from_pretrained(folder).state_dict()
    assert sums == pytest.approx(sorted(float(tensor.double().sum()) for tensor in source.values()))


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("wavlm", {}, "type 'wavlm'"),
        ("hubert", {"hidden_act": "relu"}, "hidden_act"),
        ("hubert", {"conv_dim": (32,) * 7}, "as wide as"),
    ],
)
def test_what_s3prl_has_no_place_for_is_refused(
    tmp_path: Path, family: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        hf_to_s3prl(save(tmp_path / "hf", family, False, False, **changes), tmp_path / "native.pt")


def test_a_folder_without_extractor_settings_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "hf", "hubert", False, False)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="preprocessor_config.json"):
        hf_to_s3prl(folder, tmp_path / "native.pt")
