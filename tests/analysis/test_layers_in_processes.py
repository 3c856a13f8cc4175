"""Layers in several processes, from fewer sources, by approximate neighbours: as one process does, and said."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from s3prl_convexprune.analysis.layer_scoring import Layer, LayerScored, Scoring, score_each
from s3prl_convexprune.analysis.layer_workers import score_in_processes
from s3prl_convexprune.artifact import Analysis
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import DataError

N = 90
HOW = Scoring(
    labels=tuple(f"word{i % 3}" for i in range(N)),
    groups=tuple(f"speaker{i // 3 % 6}" for i in range(N)),
    n_blocks=None,
    neighbors=5,
    max_sources="auto",
    draw_pairs=50,
    seed=1,
)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("points"), np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))[np.arange(N) % 3]
    for k in range(5):
        np.save(folder / f"{k}.npy", (0.2 * k * centres + rng.normal(size=(N, 8))).astype(np.float32))
    return sorted(folder.glob("*.npy"))


def layers(points: list[Path], folder: Path) -> list[Layer]:
    folder.mkdir()
    return [Layer(str(path), str(folder / f"{k}.json"), k, k + 1, None) for k, path in enumerate(points)]


def test_as_one_process(points: list[Path], tmp_path: Path) -> None:
    alone, shared = layers(points, tmp_path / "alone"), layers(points, tmp_path / "shared")
    list(score_each(alone, HOW))
    Path(shared[1].kept).write_bytes(Path(alone[1].kept).read_bytes())  # kept by a run that was killed
    done = {layer.depth for layer in score_in_processes(shared, HOW, 2)}
    assert done == set(range(5))
    assert len({LayerScored.read(layer.kept).row.convexity for layer in alone}) == 5
    for one, other in zip(alone, shared, strict=True):
        assert Path(one.kept).read_bytes() == Path(other.kept).read_bytes()


def test_a_wrong_input_is_said_by_the_process_that_asked(points: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the labels themselves"):
        list(score_in_processes(layers(points, tmp_path / "a"), replace(HOW, groups=HOW.labels), 2))


def test_a_process_that_dies_is_an_error(points: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scoring = score_in_processes(layers(points, tmp_path / "a"), HOW, 1)
    next(scoring)
    worker = scoring.gi_frame.f_locals["workers"][0]
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(DataError, match="died"):
        list(scoring)


def test_approximate_neighbours_need_faiss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    output = tmp_path / "out.json"
    assert (
        main(
            [
                *["analyze", "-u", "tiny_hubert", "--corpus", "demo", "--label", "word", "--approximate", "-o"],
                str(output),
            ]
        )
        == 2
    )
    said = capsys.readouterr().err.strip().splitlines()
    assert "pip install 's3prl-convexprune[approximate]'" in said[-1] and not list(tmp_path.iterdir())


def test_analyze_approximates_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("faiss")
    output = tmp_path / "out.json"
    command = "analyze -u tiny_hubert_convexpruned_L1 --corpus demo --label word --per-class 8 --approximate -o"
    assert main([*command.split(), str(output)]) == 0
    analysis = Analysis.read(output)
    assert analysis.settings.approximate and analysis.settings.neighbor_search.startswith("approximate")
    for row in analysis.layers:
        assert row.approximation is not None and row.approximation.recall >= 0.95
    assert "approximate neighbours: " in capsys.readouterr().out


def test_analyze_with_jobs_and_auto(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "analyze -u tiny_hubert_convexpruned_L2 --corpus demo --label word --per-class 8 --max-sources auto"
    for jobs in ("1", "2"):
        (tmp_path / jobs).mkdir()
        assert main([*command.split(), "--jobs", jobs, "-o", str(tmp_path / jobs / "out.json")]) == 0
    assert (tmp_path / "1" / "out.json").read_bytes() == (tmp_path / "2" / "out.json").read_bytes()
    assert sorted(path.name for path in (tmp_path / "2").iterdir()) == ["out.json", "out.png", "out.svg"]
    analysis = Analysis.read(tmp_path / "2" / "out.json")
    assert analysis.settings.max_sources == "auto"
    assert {row.sources for row in analysis.layers} == {analysis.corpus.n_points}  # eight a class: all of them
    assert "paths started from" in capsys.readouterr().out
