"""The paper's own cuts: fourteen configs that ship, each of which builds and keeps what the paper kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.paper import paper_depth

compat.apply()

from s3prl_convexprune.upstreams.registry import build_cut, load_hub, resolve  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

#: What the names start with -> the tiny checkpoint of that architecture, and the layers of the real one.
MODELS = {
    "wav2vec2": ("wav2vec2-post", 12),
    "wavlm": ("wavlm-post", 12),
    "hubert": ("hubert-post", 12),
    "ccc_wav2vec2_base": ("hf_wav2vec2-post", 12),
    "wav2vec2_large_ll60k": ("wav2vec2-pre", 24),
    "wavlm_large": ("wavlm-pre", 24),
    "hubert_large_ll60k": ("hubert-pre", 24),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_papers_cuts_build_and_are_prefixes_of_the_whole(model, tmp_path):
    case, layers = CASES[MODELS[model][0]], MODELS[model][1]
    ckpt = case.build(tmp_path, layers=layers)
    wavs = [torch.randn(6000, generator=torch.Generator().manual_seed(0))]
    with torch.no_grad():
        whole = case.whole(ckpt)(wavs)["hidden_states"]
        for task, label in (("words", "word"), ("speakers", "speaker")):
            config = resolve(f"{model}_convexpruned_{task}")
            assert config.layers == paper_depth(label, layers)
            assert {"policy": "paper", "label": label}.items() <= config.provenance.items()
            assert "poster" in config.provenance["source"] and "not stated" in config.provenance["checkpoint"]
            cut = build_cut(replace(config, base=case.entry, base_args={}), ckpt=str(ckpt)).eval()
            states = cut(wavs)["hidden_states"]
            assert len(states) == config.layers + 1 and all(map(torch.equal, states, whole))


def test_their_bases_are_on_s3prls_hub_and_ccc_names_its_checkpoint():
    hub = load_hub()
    for model in MODELS:
        base = resolve(f"{model}_convexpruned_words").base
        assert base in vars(hub) and base in (model, "hf_wav2vec2_custom")
    assert resolve("ccc_wav2vec2_base_convexpruned_speakers").base_args == {"ckpt": "vasista22/ccc-wav2vec2-base"}
