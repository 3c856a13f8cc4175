"""How long a pass takes at each depth of an upstream, measured on this machine.

The cuts are real ones, of every depth, and share the whole upstream's weights in memory. Rounds pass each depth once,
so a machine that slows down for a while slows all depths alike; the medians over rounds stand in the artifact.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..artifact.depth_times import DepthTime, DepthTimes
from ..numbers import AT_LEAST_ONE, SECONDS
from ..outputs import claim_output
from ..progress import progress_bar
from ..sampling import SAMPLE_RATE
from ..versions import package_versions
from .config import UpstreamConfig
from .measuring import machine
from .prune import num_layers
from .registry import build_cut, build_upstream


def time_depths(
    upstream: str,
    output: str | Path,
    *,
    ckpt: str | None = None,
    seconds: float = 4.0,
    repeats: int = 10,
    threads: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> DepthTimes:
    """Measure every depth of a whole upstream, the front end alone included; what was measured already is read.

    Args:
        upstream: its name on s3prl's hub.
        output: the artifact.
        ckpt: checkpoint, for upstreams that take one.
        seconds: length of the one utterance of a pass.
        repeats: rounds, after one that is not timed.
        threads: that torch may use; what it uses now when None.
        device: where to run.
        progress: show a progress bar.

    Raises:
        ConfigError: a number that cannot be.
        ArtifactError: what is at `output` is another file.
        ConvexPruneError: the upstream cannot be built or cut.
    """
    SECONDS.check("--seconds", seconds)
    AT_LEAST_ONE.check("--repeats", repeats)
    with _threads(threads), claim_output(output, DepthTimes.FORMAT, DepthTimes.VERSION) as path:
        asked = DepthTimes(
            upstream=upstream,
            ckpt=ckpt,
            seconds=float(seconds),
            repeats=repeats,
            machine=str(machine(device)),
            threads=torch.get_num_threads(),
            depths=(DepthTime(0, 1.0, (1.0, 1.0), 1.0),),  # replaced by what is measured
            versions=package_versions(),
        )
        if path.is_file() and path.stat().st_size:
            there = DepthTimes.read(path)
            if replace(asked, depths=there.depths) == there:
                return there
        cuts = _cuts(upstream, ckpt, device)
        found = replace(asked, depths=tuple(_measure(cuts, seconds, repeats, device, progress)))
        found.write(path)
    return found


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(AT_LEAST_ONE.check("--threads", count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cuts(upstream: str, ckpt: str | None, device: str) -> dict[int, nn.Module]:
    """Depth -> the upstream cut there, ready to be called; all on one copy of the weights."""
    whole = build_upstream(upstream, ckpt=ckpt).eval().to(device)
    weights = dict(whole.named_parameters())
    deepest = num_layers(whole)
    cuts = {}
    for depth in range(deepest):
        config = UpstreamConfig(name=f"{upstream} at depth {depth}", base=upstream, layers=depth)
        cut = build_cut(config, ckpt=ckpt).eval().to(device)
        for name, parameter in cut.named_parameters():
            same = weights.get(name)
            if same is not None and same.shape == parameter.shape:
                parameter.data = same.data
        cuts[depth] = cut
    return {**cuts, deepest: whole}


def _measure(
    cuts: dict[int, nn.Module], seconds: float, repeats: int, device: str, progress: bool
) -> Iterator[DepthTime]:
    wav = torch.randn(round(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(0)).to(device)
    taken: dict[int, list[float]] = {depth: [] for depth in cuts}
    with torch.inference_mode():
        for number in progress_bar(range(repeats + 1), desc="rounds", unit="round", show=progress):
            for depth, cut in cuts.items():
                elapsed = _pass(cut, wav)
                if number:  # the first round warms up
                    taken[depth].append(1e3 * elapsed)
    for depth, times in taken.items():
        median = statistics.median(times)
        low, _, high = statistics.quantiles(times, n=4, method="inclusive") if repeats > 1 else (median,) * 3
        yield DepthTime(depth, median, (low, high), median / 1e3 / seconds)


def _pass(cut: Any, wav: torch.Tensor) -> float:
    if wav.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    cut([wav])
    if wav.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start
