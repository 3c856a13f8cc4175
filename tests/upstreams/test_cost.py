"""The cost of a depth: torch's counter against the closed form, the cut itself, and SUPERB's published totals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from s3prl_convexprune import compat

compat.apply()

from s3prl_convexprune.upstreams.cost import count_macs, count_params, depth_costs  # noqa: E402
from s3prl_convexprune.upstreams.prune import prune_upstream  # noqa: E402
from s3prl_convexprune.upstreams.registry import load_hub  # noqa: E402
from tests.checkpoints import CASES  # noqa: E402

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


def closed_form(
    samples: int, width: int, ffn: int, conv: int, groups: int, kernel: int, fairseq: bool
) -> tuple[int, int]:
    """MACs below the transformer and of one layer, HuBERT's architecture, counted on paper.

    fairseq's models leave the projection out where both sides are equally wide, and pad to an even number of frames
    in front of the layers; transformers' models do neither.
    """
    frames, below, channels = samples, 0, 1
    for size, stride in zip(KERNELS, STRIDES, strict=False):
        frames = (frames - size) // stride + 1
        below += frames * conv * channels * size
        channels = conv
    below += 0 if fairseq and conv == width else frames * conv * width
    below += (frames + 1 - kernel % 2) * width * (width // groups) * kernel
    frames += frames % 2 if fairseq else 0
    return below, 4 * frames * width**2 + 2 * frames * width * ffn + 2 * frames**2 * width


def build(name: str, folder: Path) -> torch.nn.Module:
    case = CASES[name]
    return getattr(load_hub(), case.entry)(ckpt=str(case.build(folder)))


@pytest.mark.parametrize(
    "name", ["hubert-post", "hubert-pre", "wav2vec2-post", "hf_hubert-post", "hf_hubert-pre", "hf_wav2vec2-post"]
)
@pytest.mark.parametrize("seconds", [0.7, 2.0])
def test_every_matrix_product_is_counted(name: str, seconds: float, tmp_path: Path) -> None:
    below, layer = closed_form(round(seconds * 16000), 32, 64, 32, 4, 16, fairseq=not name.startswith("hf_"))
    costs = depth_costs(build(name, tmp_path), seconds)
    assert [cost.macs for cost in costs] == [below + depth * layer for depth in range(5)]


@pytest.mark.parametrize(
    "name", ["wavlm-post", "hf_wavlm-pre", "data2vec-post", "unispeech_sat-post", "hubert-pre", "hf_hubert-pre"]
)
def test_a_depth_costs_what_the_upstream_cut_there_costs(name: str, tmp_path: Path) -> None:
    costs = depth_costs(build(name, tmp_path))
    generator = torch.Generator().manual_seed(0)
    wav = torch.randn(16000, generator=generator)
    for depth in (1, 3, 4):
        cut = prune_upstream(build(name, tmp_path), depth)
        assert costs[depth] == (depth, count_params(cut), count_macs(cut, [wav])[0])


def test_counting_leaves_mode_and_hooks_as_they_were(tmp_path: Path) -> None:
    expert = build("hf_hubert-post", tmp_path).train()
    fast_path = torch.backends.mha.get_fastpath_enabled()

    def hooks() -> list[int]:
        return [len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in expert.model.encoder.layers]

    depth_costs(expert)  # transformers puts hooks of its own on at the first forward pass
    before = hooks()
    depth_costs(expert)
    assert hooks() == before
    assert expert.training and torch.backends.mha.get_fastpath_enabled() == fast_path


# The benchmark's site gives the MACs of HuBERT on four buckets of eight files (website-react, backend/utils.py).
PUBLISHED_BASE = (149_255_103_040, 261_280_279_552, 422_366_359_296, 836_254_280_960)
PUBLISHED_LARGE = (386_052_797_568, 676_078_942_208, 1_093_669_977_600, 2_167_758_912_000)


def test_the_closed_form_carries_the_published_totals_from_base_to_large() -> None:
    """Eight equal files that cost what Base is published to cost, cost Large its published MACs, to within 1 %."""

    def bucket(samples: int, width: int, ffn: int, layers: int) -> int:
        below, layer = closed_form(samples, width, ffn, 512, 16, 128, fairseq=True)
        return 8 * (below + layers * layer)

    for base, large in zip(PUBLISHED_BASE, PUBLISHED_LARGE, strict=False):
        samples = next(n for n in range(16000, 16000 * 20, 160) if bucket(n, 768, 3072, 12) >= base)
        assert bucket(samples, 1024, 4096, 24) == pytest.approx(large, rel=0.01)
