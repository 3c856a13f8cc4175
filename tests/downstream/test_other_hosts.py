"""A pruned upstream inside other programs that take their upstreams from s3prl: torch.hub, ESPnet, s3prl-main."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
import torch

from s3prl_convexprune.corpora.prepare import prepare
from s3prl_convexprune.errors import ConvexPruneError
from s3prl_convexprune.upstreams.registry import build_upstream, load_hub
from tests.tiny_corpora import iemocap

from .conftest import REPOSITORY

NAME = "hubert_custom_convexpruned_L2"


@pytest.fixture
def whole_states(hubert):
    """The first three hidden states of the whole upstream for one utterance."""
    load_hub()
    wav = torch.randn(16000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return wav, build_upstream("hubert_custom", ckpt=str(hubert)).eval()([wav])["hidden_states"][:3]


@pytest.fixture(scope="module")
def clone_root(tmp_path_factory):
    """What torch.hub sees of an s3prl clone: its hubconf, which copies what the hub lists."""
    root = tmp_path_factory.mktemp("clone")
    lines = ["from s3prl import hub", "for _option in hub.options():"]
    lines += ["    globals()[_option] = getattr(hub, _option)"]
    (root / "hubconf.py").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(params=["ours", "clone"])
def torch_hub_root(request, clone_root):
    return str(REPOSITORY if request.param == "ours" else clone_root)


def test_torch_hub_local(hubert, whole_states, torch_hub_root):
    wav, expected = whole_states
    expert = torch.hub.load(torch_hub_root, NAME, source="local", ckpt=str(hubert)).eval()
    with torch.no_grad():
        states = expert([wav])["hidden_states"]
    assert len(states) == 3
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(states, expected, strict=True))


def test_torch_hub_takes_whole_upstreams_and_refuses_what_cannot_be_cut(hubert, torch_hub_root):
    whole = torch.hub.load(torch_hub_root, "hubert_custom", source="local", ckpt=str(hubert))
    assert whole.model is not None
    for name, said in (
        ("apc_convexpruned_L1", "apc"),
        ("hubert_custom_convexpruned_L49", "out of range"),
        ("hubret", "did you mean 'hubert'"),
    ):
        arguments = {"ckpt": str(hubert)} if name.startswith("hubert") else {}
        with pytest.raises(ConvexPruneError, match=said):
            torch.hub.load(torch_hub_root, name, source="local", **arguments)


@pytest.mark.parametrize(("layer", "multilayer"), [(-1, False), (-1, True), (1, False)])
def test_what_espnets_frontend_does(hubert, layer, multilayer):
    """The steps of `espnet2.asr.frontend.s3prl.S3prlFrontend`, in its order, with its assertions."""
    load_hub()
    from s3prl.nn import Featurizer, S3PRLUpstream

    assert NAME in S3PRLUpstream.available_names()
    assert "hubret_convexpruned_L2" not in S3PRLUpstream.available_names()
    upstream = S3PRLUpstream(NAME, path_or_url=str(hubert), normalize=False, extra_conf=None)
    if getattr(upstream.upstream.model, "feature_grad_mult", None) is not None:
        upstream.upstream.model.feature_grad_mult = 1.0
    upstream.eval()
    featurizer = Featurizer(upstream, layer_selections=[layer] if layer != -1 else None)
    kept = copy.deepcopy(upstream.state_dict())
    assert (featurizer.downsample_rate, featurizer.output_size) == (320, 32)

    wavs, lengths = torch.randn(2, 16000), torch.tensor([16000, 9000])
    states, state_lengths = upstream(wavs, lengths)
    if layer != -1:
        features, feature_lengths = states[layer], state_lengths[layer]
    elif multilayer:
        features, feature_lengths = featurizer(states, state_lengths)
    else:
        features, feature_lengths = featurizer(states[-1:], state_lengths[-1:])
    assert features.shape[0] == 2 and features.shape[2] == 32
    assert feature_lengths.max() <= features.shape[1]

    with torch.no_grad():
        next(upstream.parameters()).add_(1.0)
    upstream.load_state_dict(kept)
    again, _ = upstream(wavs, lengths)
    assert all(torch.equal(a, b) for a, b in zip(again, states, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["SuperbKS", "SuperbER"])
def test_s3prl_main(installed, corpora, tmp_path, hubert, problem):
    """s3prl's newer recipes take an upstream by its name alone, so its checkpoint comes from a config."""
    for package in ("tensorboard", "sed_eval", "more_itertools"):
        pytest.importorskip(package)
    config = f"name: mine_pruned\nbase: hubert_custom\nlayers: 2\nbase_args: {{ckpt: {hubert}}}\n"
    (tmp_path / "mine.yaml").write_text(config)
    options = {"target_dir": tmp_path / "exp", "cache_dir": tmp_path / "cache", "build_upstream.name": "mine_pruned"}
    options |= {"train.total_steps": 2, "train.eval_step": 2, "train.save_step": 2, "train.log_step": 1}
    options |= {"build_batch_sampler.train.batch_size": 2, "device": "cpu", "num_workers": 0}
    if problem == "SuperbKS":
        options["prepare_data.gsc1"] = corpora["S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS"]
        options["prepare_data.gsc1_test"] = corpora["S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS_TEST"]
    else:
        options |= {"prepare_data.iemocap": iemocap_without_network(tmp_path), "prepare_data.test_fold": 0}
    given = [str(part) for key, value in options.items() for part in (f"--{key}", value)]
    done = installed.run(
        ["python", "-m", "s3prl.main", problem, *given], tmp_path, {"S3PRL_CONVEXPRUNE_CONFIGS": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert list((tmp_path / "exp").rglob("result.yaml"))


def iemocap_without_network(folder: Path) -> Path:
    """A tiny IEMOCAP, and its split where s3prl-main keeps the published one once it has downloaded it."""
    root = iemocap(folder / "iemocap")
    prepare("er", root)
    (folder / "cache").mkdir()
    for split in ("train", "test"):
        made = root / "meta_data" / "Session1" / f"{split}_meta_data.json"
        shutil.copy(made, folder / "cache" / f"test_session1_{split}_metadata.json")
    return root
