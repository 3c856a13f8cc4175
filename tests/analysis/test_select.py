"""`select` applies the policies to an artifact and writes a config that loads as it is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from s3prl_convexprune.artifact import Analysis, Checkpoint, CorpusFacts, LayerRow, Settings
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.upstreams.config import load_config

POINTS = 400
SETTINGS = Settings(200, 10, 1337, None, "cpu", "mean", 10.0, "2" * 64)


def analysis(scores, sem=0.5, shared=0.0, upstream="hubert", ckpt=None, costs=True, label="word"):
    """An artifact with given scores; `shared` is how much of the error all layers have in common (0 to 1)."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(POINTS)
    rows = []
    for k, score in enumerate(scores):
        influence = math.sqrt(shared) * common + math.sqrt(1 - shared) * rng.standard_normal(POINTS)
        influence *= sem / np.linalg.norm(influence)
        rows.append(
            LayerRow(k, score, sem, {"a": score, "b": score}, score, score, 100, 0.0, tuple(influence.tolist()),
                     1_000_000 + 500_000 * k if costs else None, 2_000_000 + 1_000_000 * k if costs else None)
        )  # fmt: skip
    return Analysis(
        upstream, Checkpoint(ckpt, "0" * 64), CorpusFacts("corpus", "1" * 64, None, POINTS, {"a": 200, "b": 200}),
        label, SETTINGS, {"torch": "2"}, tuple(rows),
    )  # fmt: skip


def run_select(tmp_path, capsys, given, *arguments):
    given.write(tmp_path / "analysis.json")
    status = main(["select", str(tmp_path / "analysis.json"), "-o", str(tmp_path / "out.yaml"), *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


CASES = {
    "argmax takes the most convex": ([60, 70, 80, 75], 0.5, 0, ("--policy", "argmax"), 2),
    "argmax takes the shallowest of equals": ([60, 80, 80, 75], 0.5, 0, ("--policy", "argmax"), 1),
    "layer 0 can win": ([80, 70, 60, 50], 0.5, 0, (), 0),
    "the last layer can win": ([50, 60, 70, 80], 0.5, 0, (), 3),
    "within-sem goes lower when the gap is noise": ([60, 79.9, 80, 75], 0.5, 0, ("--policy", "within-sem"), 1),
    "within-sem stays when it is not": ([60, 77, 80, 75], 0.5, 0, ("--policy", "within-sem"), 2),
    "within-sem knows that layers err together": ([60, 79.5, 80, 75], 0.5, 0.9999, ("--policy", "within-sem"), 2),
    "budget keeps to its share": ([60, 70, 80, 90], 0.5, 0, ("--policy", "budget", "--max-macs", "0.8"), 2),
    "a full budget is no limit": ([60, 70, 80, 90], 0.5, 0, ("--policy", "budget", "--max-macs", "1"), 3),
}


@pytest.mark.parametrize("case", CASES)
def test_policies(case, tmp_path, capsys):
    scores, sem, shared, arguments, expected = CASES[case]
    status, out, _ = run_select(tmp_path, capsys, analysis(scores, sem, shared), *arguments)
    config = load_config(tmp_path / "out.yaml")
    assert status == 0 and config.layers == expected
    assert f"keep {expected} of 3" in out
    assert config.name == "hubert_convexpruned_word" and config.base == "hubert"
    assert config.provenance["weights_sha256"] == "0" * 64 and config.provenance["analysis_key"] == "2" * 64


@pytest.mark.parametrize(
    ("layers", "label", "depth"), [(12, "word", 8), (24, "word", 15), (12, "speaker", 2), (24, "speaker", 4)]
)
def test_the_papers_depth_is_one_a_size_and_task_whatever_was_measured(layers, label, depth, tmp_path, capsys):
    given = analysis([*range(50, 51 + layers)], label=label)
    _, out, _ = run_select(tmp_path, capsys, given, "--policy", "paper")
    assert load_config(tmp_path / "out.yaml").layers == depth
    assert f"keep {depth} of {layers} transformer layers (paper)" in out
    assert f"gives up {layers - depth}.00 points against L{layers}" in out


def test_what_is_given_up_and_what_is_saved_is_said(tmp_path, capsys):
    _, out, _ = run_select(tmp_path, capsys, analysis([60, 70, 80, 90]), "--policy", "budget", "--max-macs", "0.8")
    assert "gives up 10.00 points against L3" in out
    assert "saves 20.0 % of the parameters and 20.0 % of the MACs" in out


def test_a_choice_that_cuts_nothing_and_one_that_keeps_nothing_say_so(tmp_path, capsys):
    assert "nothing is cut" in run_select(tmp_path, capsys, analysis([1, 2, 3]))[1]
    assert "no transformer layer is kept" in run_select(tmp_path, capsys, analysis([3, 2, 1]))[1]


def test_the_checkpoint_goes_into_the_config(tmp_path, capsys):
    (tmp_path / "model.pt").touch()
    run_select(tmp_path, capsys, analysis([10, 20], ckpt=str(tmp_path / "model.pt")), "--name", "mine")
    config = load_config(tmp_path / "out.yaml")
    assert config.name == "mine" and config.base_args == {"ckpt": str(tmp_path / "model.pt")}


WITHOUT_L8 = replace(analysis([1] * 13), layers=tuple(row for row in analysis([1] * 13).layers if row.layer != 8))


@pytest.mark.parametrize(
    ("given", "arguments", "reason"),
    [
        (analysis([1, 2]), ("--policy", "budget"), "budget"),
        (analysis([1, 2]), ("--policy", "budget", "--max-macs", "0.1"), "smallest, L0, has 0.667 of the MACs"),
        (analysis([1, 2], costs=False), ("--policy", "budget", "--max-macs", "0.9"), "no parameters by depth"),
        (analysis([1, 2]), ("--name", "my-cut"), "letters, digits and underscores"),
        (analysis([1, 2]), ("--name", "hubert"), "a name of its own"),
        (analysis([1, 2]), ("--policy", "paper"), "12 and 24 transformer layers; this one has 1"),
        (WITHOUT_L8, ("--policy", "paper"), "the analysis has no L8, which the paper keeps for word"),
        (analysis([1, 2], upstream="hubert_convexpruned_L1"), ("--fallback", "whole"), "is itself a cut"),
        (analysis([1] * 13, label="emotion"), ("--policy", "paper"), "not for 'emotion'"),
        (analysis([1, 2], label="words"), (), "the paper's own cut, which ships with this package"),
    ],
)
def test_what_cannot_be_chosen(tmp_path, capsys, given, arguments, reason):
    status, _, err = run_select(tmp_path, capsys, given, *arguments)
    assert status == 2 and reason in err and len(err.splitlines()) == 1
    assert not (tmp_path / "out.yaml").exists()
