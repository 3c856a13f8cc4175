"""A budget: all limits hold, the one that binds is named, and times by depth are real ones, measured once."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest

from s3prl_convexprune.artifact.depth_times import DepthTime, DepthTimes
from s3prl_convexprune.budget import Budget
from s3prl_convexprune.errors import ArtifactError, ConfigError
from s3prl_convexprune.upstreams.config import load_config
from s3prl_convexprune.upstreams.names import chosen_layers
from s3prl_convexprune.upstreams.timing_depths import time_depths
from tests.analysis.test_select import analysis

SCORES = [60, 90, 70, 80]
ANALYSIS = analysis(SCORES)


def times(path, latencies=(10.0, 40.0, 20.0, 30.0), upstream="hubert"):
    depths = tuple(DepthTime(k, ms, (ms, ms), ms / 4000) for k, ms in enumerate(latencies))
    return DepthTimes(upstream, None, 4.0, 3, "a board", 1, depths, {"torch": "2"}).write(path)


def test_every_limit_holds_and_the_most_convex_of_the_rest_is_kept(tmp_path):
    """Against the definition, over many budgets; the latencies are not in the order of depths."""
    path = times(tmp_path / "times.json")
    params, macs = [1e6 + 5e5 * k for k in range(4)], [2e6 + 1e6 * k for k in range(4)]
    latencies = [10.0, 40.0, 20.0, 30.0]
    for share, mb, ms in product((0.5, 0.85, 1.0), (5.0, 7.0, 9.0, 11.0), (9.0, 15.0, 25.0, 35.0, 50.0)):
        fits = [
            macs[k] / macs[-1] <= share and params[k] * 4e-6 <= mb and latencies[k] <= ms and params[k] <= params[-1]
            for k in range(4)
        ]
        budget = Budget(max_macs=share, max_mb=mb, max_latency_ms=ms, max_params=1.0, times=path)
        if not any(fits):
            with pytest.raises(ConfigError, match="the smallest, L0, has 1|the smallest, L0, has 0.4"):
                ANALYSIS.choose("budget", budget)
            continue
        assert ANALYSIS.choose("budget", budget).layer == int(np.argmax(np.where(fits, SCORES, -1)))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_mb": 6.5, "max_macs": 0.9}, "up to L1 (0.6 of the MACs, 6 MB); --max-mb 6.5 bound"),
        ({"max_params": 0.8, "max_macs": 0.8}, "--max-params 0.8 and --max-macs 0.8 bound"),
        ({"max_macs": 1}, "nothing bound: every depth fits"),
    ],
)
def test_what_bound_is_said(limits, said):
    assert said in ANALYSIS.choose("budget", Budget(**limits)).budget


def test_times_of_another_upstream_or_without_a_depth(tmp_path):
    for path, reason in (
        (times(tmp_path / "a.json", upstream="wavlm"), "is about wavlm"),
        (times(tmp_path / "b.json", (1.0, 2.0)), "has no L2"),
    ):
        with pytest.raises(ConfigError, match=reason):
            ANALYSIS.choose("budget", Budget(max_rtf=1, times=path))
    with pytest.raises(ArtifactError, match="nowhere"):
        ANALYSIS.choose("budget", Budget(max_rtf=1, times=tmp_path / "nowhere.json"))


def test_a_config_chooses_by_time(tmp_path):
    ANALYSIS.write(tmp_path / "analysis.json")
    times(tmp_path / "times.json")
    (tmp_path / "cut.yaml").write_text(
        "name: mine\nbase: hubert\n"
        "select: {analysis: analysis.json, policy: budget, max_latency_ms: 25, times: times.json}\n"
    )
    assert chosen_layers(load_config(tmp_path / "cut.yaml")) == 2


def test_depths_are_timed_once(tmp_path):
    first = time_depths("tiny_hubert", tmp_path / "t.json", seconds=0.2, repeats=2, threads=1, progress=False)
    assert [row.layers for row in first.depths] == list(range(13)) and first.threads == 1
    assert all(row.rtf == pytest.approx(row.latency_ms / 200) for row in first.depths)
    again = time_depths("tiny_hubert", tmp_path / "t.json", seconds=0.2, repeats=2, threads=1, progress=False)
    assert again == first
    other = time_depths("tiny_hubert", tmp_path / "t.json", seconds=0.2, repeats=3, threads=1, progress=False)
    assert dataclasses.replace(other, repeats=2) != first and other.repeats == 3
