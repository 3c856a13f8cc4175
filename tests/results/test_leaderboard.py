"""From cells to rows: the choice on dev, folds and seeds, marks, ranks, differences, and the three text formats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ArtifactError, ConfigError
from s3prl_convexprune.fingerprint import file_sha256
from s3prl_convexprune.report import beside
from s3prl_convexprune.results.leaderboard import load_rows, make_leaderboard
from s3prl_convexprune.results.provenance import Depth
from s3prl_convexprune.results.published import published_rows
from s3prl_convexprune.results.result import Reduced
from s3prl_convexprune.results.summary import score_task
from s3prl_convexprune.results.tables import as_csv, as_json, markdown
from s3prl_convexprune.tasks.recipes import recipe_path
from s3prl_convexprune.tasks.table import TASKS
from s3prl_convexprune.upstreams.profile import write_profiles
from tests.results.finished_cells import finished_cell, profile_of, right_answers, small_grid


def test_the_learning_rate_is_chosen_on_dev_whatever_the_test_says(tmp_path: Path) -> None:
    for lr, dev, share in ((1e-1, 60.0, 0.9), (1e-2, 70.0, 0.6), (1e-3, 65.0, 0.95)):
        for seed in (1, 2):
            finished_cell(tmp_path, "tiny", "ks", right_answers(100, share, seed), lr=lr, seed=seed, dev=dev)
    score = score_task(load_rows([tmp_path]))
    assert score.lr == 1e-2 and score.mean == pytest.approx(60.0) and score.tried == (1e-3, 1e-2, 1e-1)


def test_a_learning_rate_with_missing_cells_cannot_win(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.9, 0), lr=1e-1, seed=1, dev=99.0)
    for seed in (1, 2):
        finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.6, seed), lr=1e-2, seed=seed, dev=50.0)
    assert score_task(load_rows([tmp_path])).lr == 1e-2


def test_learning_rates_of_other_folds_are_not_held_against_each_other(tmp_path: Path) -> None:
    for lr, dev, folds in ((1e-4, 99.0, (2, 3)), (1e-3, 50.0, (1, 2)), (1e-2, 40.0, (1, 2))):
        for fold in folds:
            finished_cell(tmp_path, "tiny", "er", right_answers(100, 0.5, 0), fold=f"fold{fold}", lr=lr, dev=dev)
    score = score_task(load_rows([tmp_path]))
    assert (score.lr, score.tried, score.folds) == (1e-3, (1e-3, 1e-2), ("fold1", "fold2"))


def test_folds_are_averaged_within_a_seed_and_the_spread_is_over_seeds(tmp_path: Path) -> None:
    shares = {1: (0.5, 0.7), 2: (0.6, 0.9)}
    for seed, per_fold in shares.items():
        for fold, share in zip(("fold1", "fold2"), per_fold, strict=True):
            finished_cell(tmp_path, "tiny", "er", right_answers(100, share, seed), fold=fold, seed=seed)
    score = score_task(load_rows([tmp_path]))
    assert score.mean == pytest.approx(67.5) and score.sd == pytest.approx(np.std([60, 75], ddof=1))
    assert "2 of 5 folds" in score.notes and score.utterances == 200


def test_a_seed_without_all_folds_does_not_count(tmp_path: Path) -> None:
    for seed, folds in ((1, ("fold1", "fold2")), (2, ("fold1",))):
        for fold in folds:
            finished_cell(tmp_path, "tiny", "er", right_answers(100, 0.5, seed), fold=fold, seed=seed)
    assert score_task(load_rows([tmp_path])).seeds == (1,)


def test_rows_marks_ranks_and_differences(tmp_path: Path) -> None:
    profiles = small_grid(tmp_path)
    entries = {
        entry.name: entry
        for entry in make_leaderboard(
            load_rows([tmp_path]),
            profiles=profiles,
            systems={"chosen": {"sid": "tiny_convexpruned_L2", "ks": "tiny_convexpruned_L8"}},
        )
    }
    whole, chosen = entries["tiny"], entries["chosen"]
    assert whole.is_whole and not whole.differences and next(iter(entries)) == "tiny"
    assert [name for name, entry in entries.items() if entry.task_specific] == ["chosen", "tiny_convexpruned_L8"]
    assert (chosen.layers, chosen.params) == (8, entries["tiny_convexpruned_L8"].params), "the deepest counts"
    assert chosen.macs == profile_of("x", 8).macs
    assert entries["tiny_convexpruned_L2"].ranks == {"sid": 1}
    assert whole.ranks == {"ks": 1}
    worse = entries["tiny_convexpruned_L2"].differences["ks"]
    assert worse.value == pytest.approx(-30.0) and worse.shown
    same = entries["tiny_convexpruned_L8"].differences["ks"]
    assert same.value == pytest.approx(0.0) and not same.shown
    assert all(entry.four_task_score is None for entry in entries.values())


def test_another_test_set_is_not_compared(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.5, 0))
    depth = Depth(base="tiny")
    finished_cell(tmp_path, "tiny_convexpruned_L2", "ks", right_answers(90, 0.5, 0), layers=2, depth=depth)
    cut = make_leaderboard(load_rows([tmp_path]))[1]
    assert not cut.differences and "tested on other utterances" in cut.remarks[0]


FOLDER = "config.downstream_expert.datarc.speech_commands_root=/corpora/ks"
SGD = "config.optimizer.torch_optim_name=SGD"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"steps": 200_000}, "trained for 8 steps and for 200,000"),
        ({"recipe_sha256": "1" * 64}, "trained by other recipes"),
        ({"overrides": [SGD]}, "trained with other settings: config.optimizer.torch_optim_name"),
        ({"lr": 1e-4, "overrides": [FOLDER, "config.downstream_expert.datarc.num_workers=0"]}, None),
    ],
)
def test_a_cut_is_held_against_a_whole_that_was_trained_alike(
    changed: dict[str, Any], says: str | None, tmp_path: Path
) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.5, 0), **changed)
    depth = Depth(base="tiny")
    finished_cell(tmp_path, "tiny_convexpruned_L2", "ks", right_answers(100, 0.6, 0), layers=2, depth=depth)
    _, cut = make_leaderboard(load_rows([tmp_path]))
    assert [says in remark for remark in cut.remarks] == ([] if says is None else [True])
    assert [gap.value for gap in cut.differences.values()] == (pytest.approx([10.0]) if says is None else [])


SHIPPED = file_sha256(recipe_path(TASKS["ks"].downstream.name))
PUBLISHED = {"steps": 200_000, "recipe_sha256": SHIPPED, "overrides": [FOLDER]}


@pytest.mark.parametrize(
    ("changed", "notes"),
    [
        ({}, ()),
        ({"overrides": [FOLDER, "config.runner.eval_step=5000", "config.runner.log_step=9"]}, ()),
        ({"overrides": [SGD]}, (f"{SGD} in place of the recipe's",)),
        ({"overrides": ["args.upstream_trainable=True"]}, ("args.upstream_trainable=True in place of the recipe's",)),
        ({"recipe_sha256": "1" * 64}, ("recipe ks.yaml is not the one that ships",)),
        ({"reduced": Reduced("bf16", 50.0, (0.01,))}, ("the upstream's pass in bf16",)),
        ({"steps": 8}, ("8 of 200,000 steps",)),
    ],
)
def test_what_departs_from_the_published_protocol_is_said(
    changed: dict[str, Any], notes: tuple[str, ...], tmp_path: Path
) -> None:
    right = right_answers(TASKS["ks"].published.utterances, 0.5, 0)
    finished_cell(tmp_path, "tiny", "ks", right, **{**PUBLISHED, **changed})
    (entry,) = make_leaderboard(load_rows([tmp_path]))
    assert entry.scores["ks"].notes == notes and entry.follows_protocol == (not notes)


@pytest.mark.parametrize(
    ("answers", "changed", "says"),
    [
        (100, {"layers": 6}, "differ in layers"),
        (100, {"weights": "b" * 64}, "differ in their weights"),
        (90, {}, "not scored on one test set"),
    ],
)
def test_cells_of_two_upstreams_or_corpora_under_one_name_are_an_error(
    answers: int, changed: dict[str, Any], says: str, tmp_path: Path
) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.5, 0), seed=1)
    finished_cell(tmp_path, "tiny", "ks", right_answers(answers, 0.5, 0), seed=2, **changed)
    with pytest.raises(ArtifactError, match=says):
        make_leaderboard(load_rows([tmp_path]))


def test_a_profile_of_another_upstream_is_an_error(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.5, 0))
    with pytest.raises(ArtifactError, match="of different upstreams"):
        make_leaderboard(load_rows([tmp_path]), profiles=[profile_of("tiny", 3)])


def test_a_system_of_unknown_parts_names_the_nearest(tmp_path: Path) -> None:
    finished_cell(tmp_path, "tiny", "ks", right_answers(100, 0.5, 0))
    with pytest.raises(ConfigError, match="did you mean 'tiny'"):
        make_leaderboard(load_rows([tmp_path]), systems={"mine": {"ks": "tinny"}})


def test_a_system_of_two_models_is_no_whole_upstream_and_has_a_name_of_its_own(tmp_path: Path) -> None:
    small_grid(tmp_path, seeds=(1,))
    finished_cell(tmp_path, "other_L2", "ks", right_answers(100, 0.5, 0), layers=2, depth=Depth(base="other"))
    rows = load_rows([tmp_path])
    parts = {"ks": "other_L2", "sid": "tiny_convexpruned_L2"}
    (mixed,) = [entry for entry in make_leaderboard(rows, systems={"mixed": parts}) if entry.name == "mixed"]
    assert mixed.base is None and not mixed.is_whole and not mixed.differences
    for name in ("tiny", "other_L2", "other"):
        with pytest.raises(ConfigError, match=f"system '{name}': an upstream of this table has that name"):
            make_leaderboard(rows, systems={name: parts})


def test_published_rows_are_shown_apart_and_never_ranked(tmp_path: Path) -> None:
    profiles = small_grid(tmp_path)
    entries = make_leaderboard(load_rows([tmp_path]), profiles=profiles)
    text = markdown(entries, published_rows())
    measured, _, published = text.partition("Published, not measured here")
    assert "HuBERT" not in measured and "| HuBERT Base | 94.7 | 1669 |" in published
    assert "**" not in published and measured.count("**90.83") == 2
    lines = list(csv.DictReader(io.StringIO(as_csv(entries, published_rows()))))
    assert {line["rank"] for line in lines if line["kind"] == "published"} == {""}
    assert len(lines) == 5 * 2 + 12 * 4
    content = as_json(entries, published_rows())
    assert json.loads(json.dumps(content))["measured"][0]["scores"]["ks"]["rows"][0]["provenance"]["upstream_sha256"]


def test_the_command_writes_every_format_and_explains_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles = small_grid(tmp_path / "grid", seeds=(1,))
    profile = write_profiles(tmp_path / "profile.json", profiles)
    outputs = [str(tmp_path / f"board.{kind}") for kind in ("md", "csv", "json", "html")]
    command = ["leaderboard", str(tmp_path / "grid"), "--profile", str(profile), "--reference", "superb"]
    assert main([*command, "-o", *outputs]) == 0
    assert all(Path(output).stat().st_size > 1000 for output in outputs)
    for arguments, message in (
        ([str(tmp_path / "nowhere")], "no such experiment folder or results file"),
        ([str(tmp_path)[:-1] + "0/x.json"], "no such experiment folder"),
        ([str(tmp_path / "grid"), "-o", "board.xls"], "unknown format"),
        ([str(tmp_path / "grid"), "--system", "mine"], "expected NAME:TASK=UPSTREAM"),
        ([str(tmp_path / "grid"), "--profile", str(tmp_path / "board.json")], "is not a profile"),
    ):
        assert main(["leaderboard", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_another_training_is_said_beside_the_difference_of_two_boards(tmp_path: Path) -> None:
    for board, steps in (("one", 8), ("two", 200_000)):
        finished_cell(tmp_path / board, "tiny", "ks", right_answers(100, 0.5, 0), steps=steps)
    _, [line] = beside.table(load_rows([tmp_path / "one"]), load_rows([tmp_path / "two"]))
    assert line[-1].startswith("+0.00 [") and line[-1].endswith("; they were trained for 200,000 steps and for 8")
