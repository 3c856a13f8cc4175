"""ESPnet itself: its S3PRL frontend on a pruned upstream, and a HuBERT of its own cut, read by its own loader.

Runs where ESPnet is installed (`make test-espnet`); `test_other_hosts` takes its frontend's steps without it.
"""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path

import pytest
import torch
import yaml

from s3prl_convexprune.errors import CheckpointError, DepthError
from s3prl_convexprune.upstreams.registry import build_upstream, load_hub
from tests.checkpoints import randomised
from tests.docs.blocks import blocks

pytest.importorskip("espnet2", reason="ESPnet is not installed; `make test-espnet` has it")
pytest.importorskip("espnet2.asr.frontend.s3prl")  # its first import asks the network for NLTK's data, and does without

# where s3prl finds `cvhubert`
MODEL = "https://huggingface.co/espnet/espnet_cvhubert/{}/main/exp/{}"
RUN = "hubert_iter2_train_ssl_torchaudiohubert_base_960h_pretrain_it2_raw"
CVHUBERT = (MODEL.format("resolve", f"{RUN}/latest.pth"), MODEL.format("raw", f"{RUN}/config.yaml"))
LAYERS = 4
WAVS, LENGTHS = torch.randn(2, 16000, generator=torch.Generator().manual_seed(0)), torch.tensor([16000, 9000])
TINY = {
    "extractor_conv_layer_config": [[16, 10, 5], *[[16, 3, 2]] * 4, *[[16, 2, 2]] * 2],
    "encoder_embed_dim": 32,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": LAYERS,
    "encoder_num_heads": 4,
    "encoder_ff_interm_features": 64,
    "final_dim": 16,
}


@pytest.fixture(autouse=True)
def no_request_goes_out():
    """Not held here: ESPnet asks the network for NLTK's data by itself when it is first used, and does without."""


def frontend(name: str, ckpt: Path | None, **options):
    """ESPnet's own frontend, as the `frontend_conf` of a recipe builds it, in eval mode."""
    from espnet2.asr.frontend.s3prl import S3prlFrontend

    load_hub()
    return S3prlFrontend(frontend_conf={"upstream": name, "path_or_url": ckpt and str(ckpt)}, **options).eval()


@torch.no_grad()
def test_the_frontend_of_the_page():
    (page,) = (yaml.safe_load(block.text) for block in blocks("yaml") if block.page == Path("docs/hosts.md"))
    given = page["frontend_conf"] | {"frontend_conf": {"upstream": "tiny_hubert_convexpruned_L6"}}
    assert page["frontend_conf"]["frontend_conf"].keys() == {"upstream"}
    from espnet2.asr.frontend.s3prl import S3prlFrontend

    load_hub()
    features, lengths = S3prlFrontend(**given).eval()(WAVS, LENGTHS)
    assert features.shape[:2] == (2, max(lengths))


@torch.no_grad()
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_layer_of_the_cut_is_that_layer_of_the_whole(hubert, layer):
    ours, lengths = frontend("hubert_custom_convexpruned_L2", hubert, layer=layer)(WAVS, LENGTHS)
    theirs, expected = frontend("hubert_custom", hubert, layer=layer)(WAVS, LENGTHS)
    assert torch.equal(ours, theirs) and torch.equal(lengths, expected)


@torch.no_grad()
def test_the_last_state_of_the_cut_is_what_the_frontend_takes_of_it(hubert):
    ours, _ = frontend("hubert_custom_convexpruned_L2", hubert)(WAVS, LENGTHS)
    theirs, _ = frontend("hubert_custom", hubert, layer=2)(WAVS, LENGTHS)
    assert torch.equal(ours, theirs)


def test_the_weighted_sum_learns_and_the_pretrained_weights_come_back(hubert):
    cut = frontend("hubert_custom_convexpruned_L2", hubert, multilayer_feature=True)
    features, _ = cut(WAVS, LENGTHS)
    assert features.shape[2] == cut.output_size() == 32
    features.square().sum().backward()
    assert len(cut.featurizer.weights) == 3 and (cut.featurizer.weights.grad != 0).all()
    with torch.no_grad():
        for parameter in cut.upstream.parameters():
            parameter.add_(1.0)
        assert not torch.allclose(cut(WAVS, LENGTHS)[0], features)
        cut.reload_pretrained_parameters()
        assert torch.equal(cut(WAVS, LENGTHS)[0], features)


@pytest.fixture
def cvhubert(tmp_path, monkeypatch) -> Path:
    """A HuBERT that ESPnet's pretraining task built and saved, where s3prl keeps its download of `cvhubert`."""
    load_hub()
    from espnet2.tasks.hubert import HubertTask
    from s3prl.util import download

    config = HubertTask.get_default_config() | {
        "token_list": [str(code) for code in range(10)],
        "input_size": 1,
        "num_classes": 10,
        "specaug": None,
        "normalize": None,
        "encoder": "torchaudio_hubert",
        "encoder_conf": TINY,
        "model": "torchaudio",
    }
    monkeypatch.setattr(download, "_download_dir", tmp_path)
    checkpoint, settings = (Path(download._urls_to_filepaths(url, download=False)) for url in CVHUBERT)
    settings.write_text(yaml.safe_dump(config))
    torch.save(randomised(HubertTask.build_model(Namespace(**config))).state_dict(), checkpoint)
    return checkpoint


@torch.no_grad()
def test_a_hubert_of_espnets_own_is_cut_by_name(cvhubert):
    wavs = [WAVS[0], WAVS[1, :9000]]
    whole = build_upstream("cvhubert").eval()(wavs)["hidden_states"]
    assert len(whole) == LAYERS
    for layers in range(1, LAYERS + 1):
        states = build_upstream(f"cvhubert_convexpruned_L{layers}").eval()(wavs)["hidden_states"]
        assert len(states) == layers  # ESPnet's start after the first layer
        assert all(torch.equal(a, b) for a, b in zip(states, whole, strict=False))


@torch.no_grad()
def test_so_is_one_with_its_config_beside_it(cvhubert, tmp_path):
    settings = next(file for file in cvhubert.parent.iterdir() if file.name.endswith("config.yaml"))
    (tmp_path / "mine").mkdir()
    shutil.copy(settings, tmp_path / "mine" / "config.yaml")
    mine = shutil.copy(cvhubert, tmp_path / "mine" / "model.pth")
    ours, _ = frontend("espnet_hubert_custom_convexpruned_L2", mine)(WAVS, LENGTHS)
    theirs, _ = frontend("cvhubert_convexpruned_L2", None)(WAVS, LENGTHS)
    assert torch.equal(ours, theirs)


def test_a_depth_that_it_does_not_have(cvhubert):
    with pytest.raises(DepthError, match=r"has 4 transformer layers; L5 is out of range 1\.\.4"):
        build_upstream("cvhubert_convexpruned_L5")


def test_pickled_code_is_refused_before_espnet_runs_it(cvhubert, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weight": Trap()}, cvhubert)
    with pytest.raises(CheckpointError, match="pickled code"):
        build_upstream("cvhubert_convexpruned_L2")
    assert not (tmp_path / "ran").exists()
