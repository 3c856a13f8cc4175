"""A number comes out only of a complete experiment whose files belong together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from s3prl_convexprune.errors import ArtifactError, ConvexPruneError
from s3prl_convexprune.results.leaderboard import load_rows
from s3prl_convexprune.results.outcome import read_outcome
from s3prl_convexprune.results.predictions import read_predictions
from s3prl_convexprune.results.reading import collect, read_results, write_results
from s3prl_convexprune.tasks.table import TASKS
from tests.results.finished_cells import finished_cell, right_answers, write_outputs

RIGHT = right_answers(40, 0.75, 0)


@pytest.mark.parametrize(("task", "fold"), [("ks", None), ("sid", None), ("er", "fold3")])
def test_the_number_is_the_dev_chosen_checkpoints(task: str, fold: str | None, tmp_path: Path) -> None:
    write_outputs(tmp_path, task, RIGHT, fold, dev=0.5, step=4)
    outcome = read_outcome(tmp_path, TASKS[task], fold)
    assert (outcome.dev, outcome.test, outcome.step) == (50.0, 75.0, 4)
    assert (outcome.total_steps, outcome.utterances) == (8, 40)


def test_asr_counts_words(tmp_path: Path) -> None:
    import torch

    write_outputs(tmp_path, "ks", RIGHT, dev=0.5)
    states = torch.load(tmp_path / "dev-best.ckpt", weights_only=False)
    states["Downstream"]["best_score"] = torch.ones(1) * 30.0
    torch.save(states, tmp_path / "dev-clean-best.ckpt")
    (tmp_path / "test-clean-noLM-ref.ark").write_text("1-2-3 THE CAT SAT\n1-2-4 A DOG\n")
    (tmp_path / "test-clean-noLM-hyp.ark").write_text("1-2-3 THE CAT SAT DOWN\n1-2-4 \n")
    outcome = read_outcome(tmp_path, TASKS["asr"])
    assert (outcome.dev, outcome.test, outcome.utterances) == (30.0, 60.0, 2)
    assert read_predictions(tmp_path, TASKS["asr"], "test-clean").errors.tolist() == [1.0, 2.0]


def drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def truncate(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:60])


def append(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text((folder / name).read_text() + text)


def drop_the_score(folder: Path) -> None:
    import torch

    states = torch.load(folder / "dev-best.ckpt", weights_only=False)
    torch.save({**states, "Downstream": {}}, folder / "dev-best.ckpt")


HALF_WRITTEN = {
    "no log": (drop("log.log"), "log.log: cannot be read"),
    "a log of something else": (append("log.log", "Traceback: x\n"), "line 6 is not one of s3prl's"),
    "no predictions": (drop("test_predict.txt"), "no finished evaluation"),
    "empty predictions": (lambda folder: (folder / "test_predict.txt").write_text(""), "is empty"),
    "cut-off predictions": (truncate("test_predict.txt"), "not the utterances of"),
    "predictions of another evaluation": (
        lambda folder: (folder / "test_predict.txt").write_text((folder / "test_truth.txt").read_text()),
        "files are mixed",
    ),
    "predictions that are no text": (
        lambda folder: (folder / "test_predict.txt").write_bytes(b"\xff\xfe\x00"),
        "is not a text file",
    ),
    "a log with half a number": (append("log.log", "dev at step 12: 0.5e\n"), "line 6 has no number"),
    "a checkpoint without its score": (drop_the_score, "is not a checkpoint of this task's recipe"),
    "no checkpoint": (drop("dev-best.ckpt"), "there is no checkpoint"),
    "half a checkpoint": (truncate("dev-best.ckpt"), "truncated"),
    "trained on after the evaluation": (
        append("log.log", "test at step 12: 0.75\n"),
        "the last test evaluation is not",
    ),
    "a checkpoint of another run": (
        lambda folder: (
            write_outputs(folder / "other", "ks", RIGHT, dev=0.6)
            or (folder / "other" / "dev-best.ckpt").replace(folder / "dev-best.ckpt")
        ),
        "no dev score 0.600000 at step 4",
    ),
}


@pytest.mark.parametrize("case", HALF_WRITTEN)
def test_half_an_experiment_gives_an_error_and_no_number(case: str, tmp_path: Path) -> None:
    damage, message = HALF_WRITTEN[case]
    write_outputs(tmp_path, "ks", RIGHT)
    damage(tmp_path)
    with pytest.raises(ArtifactError, match=message):
        read_outcome(tmp_path, TASKS["ks"])


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    import pickle

    class Dangerous:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    write_outputs(tmp_path, "ks", RIGHT)
    (tmp_path / "dev-best.ckpt").write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(ArtifactError):
        read_outcome(tmp_path, TASKS["ks"])
    assert not (tmp_path / "ran").exists()


def test_collecting_leaves_unfinished_cells_out(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", RIGHT, seed=1)
    unfinished = finished_cell(tmp_path, "tiny", "ks", RIGHT, seed=2)
    (unfinished / "finished.json").unlink()
    assert [row.seed for row in collect([tmp_path])] == [1]


@pytest.mark.parametrize("damage", [drop("log.log"), drop("test_truth.txt"), append("test_predict.txt", "x y\n")])
def test_a_finished_cell_whose_files_changed_is_an_error(damage: Callable[[Path], object], tmp_path: Path) -> None:
    damage(finished_cell(tmp_path, "tiny", "ks", RIGHT))
    with pytest.raises(ArtifactError):
        collect([tmp_path])


def test_two_results_for_one_cell_are_an_error_that_names_both(tmp_path: Path) -> None:
    for name in ("first", "second"):
        finished_cell(tmp_path / name, "tiny", "ks", RIGHT)
    with pytest.raises(ArtifactError, match="two results for one cell .*first.*second"):
        load_rows([tmp_path / "first", tmp_path / "second"])


def test_results_of_another_version_are_neither_read_nor_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"format": "s3prl-convexprune results", "version": 99, "rows": []}))
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match="version 99"):
        read_results(path)
    with pytest.raises(ArtifactError, match="version 99"):
        write_results(path, [])
    assert path.read_bytes() == before


def test_results_come_back_as_written(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", RIGHT)
    rows = collect([tmp_path])
    write_results(tmp_path / "results.json", [replace(rows[0], folder="tiny/ks/lr0.001_seed1")])
    assert load_rows([tmp_path / "results.json"]) == load_rows([tmp_path])


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"version": 1, "rows": 3}'])
def test_a_damaged_results_file_is_explained(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ConvexPruneError, match=r"results\.json"):
        read_results(tmp_path / "results.json")
