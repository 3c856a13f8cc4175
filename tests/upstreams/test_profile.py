"""Profiles: the published parameter counts without a download, and numbers that hang together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from s3prl_convexprune import compat

compat.apply()

from s3prl_convexprune.errors import ArtifactError, ConfigError, ConvexPruneError, UnknownUpstreamError  # noqa: E402
from s3prl_convexprune.upstreams.cost import count_params, depth_costs  # noqa: E402
from s3prl_convexprune.upstreams.measuring import profile_upstream  # noqa: E402
from s3prl_convexprune.upstreams.profile import read_profiles, write_profiles  # noqa: E402
from s3prl_convexprune.upstreams.profiling import profile  # noqa: E402
from s3prl_convexprune.upstreams.random_init import ARCHITECTURES, SIZES, random_model, random_upstream  # noqa: E402
from s3prl_convexprune.upstreams.registry import load_hub  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

# superbbenchmark/website-react, backend/utils.py ("paramShared"); transformers' models leave the pretraining heads out.
PUBLISHED = {
    ("hubert", "base"): 94_697_600,
    ("hubert", "large"): 316_609_408,
    ("wav2vec2", "base"): 95_044_608,
    ("wav2vec2", "large"): 317_390_592,
    ("hf_wavlm", "base"): 94_381_936,
    ("hf_hubert", "base"): 94_371_712,
}


@pytest.mark.parametrize(("architecture", "size"), PUBLISHED)
def test_random_models_have_the_published_number_of_parameters(architecture: str, size: str) -> None:
    load_hub()
    with torch.device("meta"):
        model = random_model(architecture, size)
    assert count_params(model) == PUBLISHED[architecture, size]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_can_be_profiled_whole_and_cut(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"width": 32, "ffn": 64, "layers": 3, "heads": 4, "pre_norm": False}
    monkeypatch.setitem(SIZES, "base", small)
    counts = {}
    for name in (architecture, f"{architecture}_convexpruned_L1"):
        with random_upstream(name, "base") as expert:
            row = profile_upstream(expert, name, seconds=[0.5], batches=[1], repeats=1)
            counts[row.layers] = (row.params, row.macs)
            if name == architecture:
                costs = {cost.layers: (cost.params, cost.macs) for cost in depth_costs(expert, 0.5)}
    assert counts == {depth: costs[depth] for depth in (1, 3)}


def test_rows_hang_together(tmp_path: Path) -> None:
    ckpt = CASES["hf_hubert-post"].build(tmp_path)
    expert = load_hub().hf_hubert_custom(ckpt=str(ckpt))
    row = profile_upstream(expert, "tiny", seconds=[0.5, 1.0], batches=[1, 2], repeats=3)
    assert row.macs_by_seconds["1"] > row.macs_by_seconds["0.5"] == row.macs
    assert {(timing.seconds, timing.batch) for timing in row.timings} == {(0.5, 1), (0.5, 2), (1.0, 1), (1.0, 2)}
    for timing in row.timings:
        low, high = timing.quartiles_s
        assert 0 < low <= timing.latency_s <= high
        assert timing.rtf == pytest.approx(timing.latency_s / timing.seconds / timing.batch)
        assert timing.peak_memory_mb is None, "another model's memory would be in it"
    path = write_profiles(tmp_path / "profile.json", [row])
    assert read_profiles([path]) == [row] and row.machine.device == "cpu"
    with pytest.raises(ArtifactError, match="a second profile of tiny"):
        read_profiles([path, path])


def test_memory_is_an_upstreams_own_wherever_it_stands_in_the_list(tmp_path: Path) -> None:
    """Half the layers take about half the memory, also after the whole one; and what cannot be built is one error."""
    whole, cut = "hubert", "hubert_convexpruned_L3"
    how = {"random_init": "base", "seconds": [0.1], "batches": [1], "repeats": 1, "progress": False}
    rows = profile([whole, cut], tmp_path / "profile.json", **how)
    assert read_profiles([tmp_path / "profile.json"]) == rows and [row.layers for row in rows] == [12, 3]
    assert list(tmp_path.iterdir()) == [tmp_path / "profile.json"]
    beyond = [row.timings[0].peak_memory_mb - 4e-6 * row.params for row in rows if row.timings[0].peak_memory_mb]
    assert all(0 <= megabytes <= 200 for megabytes in beyond), "not the weights and the pass's own memory alone"
    with pytest.raises(UnknownUpstreamError, match="did you mean 'hubert'"):
        profile(["hubrt"], **how)


def test_bad_input_is_explained() -> None:
    with pytest.raises(ConvexPruneError, match="did you mean 'hubert'"), random_upstream("hubrt", "base"):
        pass
    with pytest.raises(ConfigError, match="seconds of audio from 0.1"):
        profile_upstream(torch.nn.Identity(), "x", seconds=[0.0])
