"""What the page says of doubt: no error where none is known, an undecided curve by name, a prediction as one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune import leaderboard
from s3prl_convexprune.analysis.screen import Screen, ScreenRow
from s3prl_convexprune.artifact import Analysis, Grouping, firmness
from s3prl_convexprune.artifact.choosing import undecided, why_undecided
from s3prl_convexprune.errors import ArtifactError
from s3prl_convexprune.experiments.cuts import Cut
from s3prl_convexprune.experiments.decisions import decisions
from s3prl_convexprune.experiments.study import Base, Choose
from s3prl_convexprune.report import curves
from s3prl_convexprune.report.screens import predicted
from s3prl_convexprune.results.leaderboard import load_rows, make_leaderboard
from s3prl_convexprune.results.provenance import Depth
from s3prl_convexprune.results.result import Result
from tests.analysis.test_select import analysis as scored
from tests.results.finished_cells import finished_cell, right_answers, small_grid
from tests.test_schema import analysis as an_analysis

GAPS = {1: -20.0, 2: -0.5, 3: 0.0}  # depth -> lower end of the difference to the whole


def screen_of(analysis: Analysis) -> Screen:
    rows = tuple(
        ScreenRow(depth, 80 + depth, 70, 95, low + 0.3, low, low + 1, (1 / (depth + 1),) * (depth + 1))
        for depth, low in GAPS.items()
    )
    return Screen(analysis.settings.key, "tiny", "word", "speaker", 12, 5, 300, 0.003, (0, 1), rows)


def page_of(grid: Path, analysis: Path, output: Path) -> tuple[str, dict[str, Any]]:
    leaderboard([grid], [output], analysis=[analysis])
    text = output.read_text()
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert data is not None
    return text, json.loads(data[1])


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grid")
    small_grid(folder)
    return folder


def test_an_unknown_error_is_no_error_of_zero(grid: Path, tmp_path: Path) -> None:
    known = an_analysis()
    unknown = replace(
        known,
        layers=tuple(replace(row, sem=None, plain_sem=None, influence=()) for row in known.layers),
        grouping=Grouping("speaker", 3, 3, None, "3 speakers are too few"),
    )
    (tmp_path / "a").mkdir()
    known.write(tmp_path / "a" / "words.json")
    unknown.write(tmp_path / "words.json")
    text, data = page_of(grid, tmp_path / "words.json", tmp_path / "page.html")
    (curve,) = data["curves"]
    assert set(curve["se"]) == set(curve["best"]) == {None}
    assert curve["undecided"] == why_undecided(unknown) and "at least" in curve["undecided"]
    assert f"<strong>Undecided</strong>: {curve['undecided']}." in text
    assert undecided(unknown).endswith(curve["undecided"]) and undecided(unknown).startswith("undecided: ")
    leaderboard([grid], [tmp_path / "two.html"], analysis=[tmp_path / "a" / "words.json", tmp_path / "words.json"])
    both = json.loads(re.search(r'id="data">(.*?)</script>', (tmp_path / "two.html").read_text(), re.DOTALL)[1])  # type: ignore[index]
    assert all(pair["se"] == [None] * len(known.layers) for pair in both["pairs"])


def test_how_firm_the_choice_is_stands_below_the_curve(grid: Path, tmp_path: Path) -> None:
    known = an_analysis()
    varied = replace(
        known,
        variations=("K = 5", "K = 20"),
        layers=tuple(replace(row, variations=(row.convexity, 100 - row.convexity)) for row in known.layers),
    )
    varied.write(tmp_path / "words.json")
    text, data = page_of(grid, tmp_path / "words.json", tmp_path / "page.html")
    assert data["curves"][0]["variations"] == firmness(varied) != ""
    assert f"Measured otherwise: {firmness(varied)}." in text


def test_a_prediction_is_drawn_beside_what_was_measured(grid: Path, tmp_path: Path) -> None:
    analysis = an_analysis()
    analysis.write(tmp_path / "words.json")
    made = screen_of(analysis)
    made.write(tmp_path / "words.screen.json")
    text, data = page_of(grid, tmp_path / "words.json", tmp_path / "page.html")
    (drawn,) = data["screens"]
    assert [(row["layer"], row["value"], row["low"], row["high"]) for row in drawn["rows"]] == [
        (row.depth, row.accuracy, row.low, row.high) for row in made.rows
    ]
    assert drawn["chosen"] == made.non_inferior(1.0).depth == 2
    entries = make_leaderboard(load_rows([grid]))
    assert {(point["layer"], point["value"]) for point in drawn["measured"]} == {
        (entry.layers, entry.scores["ks"].mean) for entry in entries if "ks" in entry.scores
    }
    assert "A prediction, not a result" in text
    replace(made, analysis_key="0" * 64).write(tmp_path / "words.screen.json")
    with pytest.raises(ArtifactError, match="another analysis"):
        page_of(grid, tmp_path / "words.json", tmp_path / "again.html")


def test_a_checkpoint_is_measured_under_the_name_that_a_study_gives_it(tmp_path: Path) -> None:
    """Its whole row is found by its weights; another checkpoint, sets of layers and rules' rows are others'."""
    made = screen_of(an_analysis())
    wholes = {}
    for base in ("mine", "other"):
        names = {f"{base}_convexpruned_{depth}_of_3": depth for depth in (0, 1, 2)}
        for name, layers in {**names, base: 3, f"{base}_layers_1_3": 2}.items():
            depth = Depth("tiny_custom", config=f"{name}.yaml")
            folder = finished_cell(tmp_path, name, "ks", right_answers(20, 0.5, layers), layers=layers, depth=depth)
            row = Result.read(folder / "finished.json")
            sha = "b" * 64 if name == "mine" else "c" * 64
            replace(row, provenance=replace(row.provenance, upstream_sha256=sha)).write(folder / "finished.json")
            wholes[name] = base
    entries = make_leaderboard(load_rows([tmp_path]), wholes=wholes, systems={"mine, a rule": {"ks": "mine"}})
    drawn = predicted(replace(made, upstream="tiny_custom"), entries, "b" * 64)["measured"]
    assert [(point["layer"], point["name"]) for point in drawn] == [
        (1, "KS, mine_convexpruned_1_of_3"), (2, "KS, mine_convexpruned_2_of_3"), (3, "KS, mine")
    ]  # fmt: skip
    assert predicted(replace(made, upstream="tiny_custom"), entries, "d" * 64)["measured"] == []


def test_a_rule_that_could_not_decide_is_named_with_its_fallback(grid: Path) -> None:
    entries = make_leaderboard(load_rows([grid]))
    base = Base("tiny", "tiny")
    cuts = [
        Cut(base, Choose("whole"), "word", 12, 12, "tiny"),
        *(Cut(base, Choose(rule), "word", 8, 12, "tiny_convexpruned_L8") for rule in ("within-sem", "probe")),
    ]
    rules = [one.rule for one in decisions(entries, {"ks": cuts}, "argmax", {("tiny", "word")})]
    assert rules == ["within-sem undecided, so argmax", "probe"]
    assert [one.rule for one in decisions(entries, {"ks": cuts}, "argmax", set())] == ["within-sem", "probe"]


def test_a_rule_is_named_below_the_curve_that_it_read_and_no_other(grid: Path) -> None:
    read = scored([60, 80, 70])
    other = replace(read, settings=replace(read.settings, key="e" * 64))
    base = Base(read.upstream, read.upstream)
    cuts = [
        Cut(base, Choose("whole"), "mine", 12, 12, "tiny"),
        Cut(base, Choose("probe"), "mine", 2, 12, "tiny_convexpruned_L2"),
    ]
    entries, keys = make_leaderboard(load_rows([grid])), {(read.upstream, "mine"): read.settings.key}
    found = decisions(entries, {"ks": cuts}, keys=keys)
    drawn, beside = (curves.curve(analysis, [], found) for analysis in (read, other))
    assert drawn["chosen"] == 2 and "Chosen by probe: layer 2" in drawn["firm"]
    assert beside["chosen"] == 1 and "Chosen by" not in beside["firm"]
