"""A study's tables of depths, rules and equal costs, from finished cells, an analysis and a screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from s3prl_convexprune.analysis.screen import Screen, ScreenRow
from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.experiments.cuts import Cut
from s3prl_convexprune.experiments.study import Base, Choose
from s3prl_convexprune.experiments.study_file import read_study
from s3prl_convexprune.experiments.verdicts.depths import featurizer_weights
from s3prl_convexprune.experiments.verdicts.tables import tables
from s3prl_convexprune.results.leaderboard import load_rows, make_leaderboard
from s3prl_convexprune.results.provenance import Depth
from s3prl_convexprune.results.summary import score_task
from tests.results.finished_cells import finished_cell, right_answers
from tests.test_schema import analysis as an_analysis

STUDY = """study: mine
upstreams: [{hf_hubert_custom: org/tiny}]
analyses: {word: {corpus: demo, label: word}}
cuts: [all-depths, whole, argmax, bottom]
margin: %s
evaluate: [{task: ks}]
"""
BASE = Base("tiny", "hf_hubert_custom", "org/tiny")
SHARES = {"tiny_convexpruned_1_of_2": 0.5, "tiny": 0.8, "tiny_layers_2": 0.6, "tiny_convexpruned_0_of_2": 0.4}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds of 60 clips by six speakers; the heads weigh the last state nine times as much as each other one."""
    folder = tmp_path_factory.mktemp("cells")
    called = [f"yes-{at % 6:08x}_nohash_{at}.wav" for at in range(60)]
    for name, share in SHARES.items():
        layers = {"tiny": 2, "tiny_convexpruned_0_of_2": 0}.get(name, 1)
        for seed in range(1, 6):
            right = right_answers(60, share, 10 * seed + layers)
            depth = Depth(base="hf_hubert_custom")
            cell = finished_cell(folder, name, "ks", right, seed=seed, layers=layers, depth=depth, names=called)
            states = torch.load(cell / "dev-best.ckpt", weights_only=False)
            weights = torch.tensor([0.0] * layers + [np.log(9.0)])
            torch.save({**states, "Featurizer": {"weights": weights}}, cell / "dev-best.ckpt")
    return folder


def test_every_table_of_a_study(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STUDY % 60)
    study = read_study(tmp_path / "s.yaml")
    analysis = replace(an_analysis(), upstream="hf_hubert_custom")
    names = [*SHARES]
    cuts = [
        Cut(BASE, Choose(rule), "word", kept, 2, name)
        for rule, kept, name in (
            ("all-depths", 1, names[0]),
            ("all-depths", 2, names[1]),
            ("whole", 2, names[1]),
            ("argmax", 1, names[0]),
            ("bottom", 1, names[2]),
            ("within-sem", 0, names[3]),
        )
    ]
    rows = tuple(ScreenRow(k, 58 + 12 * k, 50, 90, 0, 0, 0, (1 / (k + 1),) * (k + 1)) for k in (1, 2))
    screen = Screen(analysis.settings.key, "tiny", "word", "speaker", 6, 5, 300, 0.003, (0, 1), rows)
    lines = tables(study, {"ks": cuts}, load_rows([cells]), {("tiny", "word"): analysis}, [screen])
    text = "\n".join(lines)
    assert "| L1 | 50.00 [" in text and "| 51.0 ± 1.0 | 70.0 [50.0, 90.0] | 0.10 0.90 |" in text
    assert "| L2 | 80.00 [" in text and "| 0.09 0.09 0.82 |" in text
    assert "Convexity and score over L1 to L2: Spearman 1.00 [" in text
    assert "Prediction and score: mean absolute error 11.00 [" in text  # of 20 and 2 points
    argmax = next(line for line in lines if line.startswith("| argmax |"))
    assert "| L1 | 50.00 [" in argmax and "| 30.00 [" in argmax and argmax.endswith("| lower, within 60 |")
    assert any(line.startswith("| within-sem | L0 | 40.00 [") for line in lines) and "| 0: " not in text
    assert "| 1: 2 | bottom | 60.00 [" in text and "| +10.00 [" in text
    assert lines[-1] == "KS, tiny: intervals draw 6 speakers and 5 seeds."
    assert not tables(study, {"ks": [cut for cut in cuts if cut.choose.rule != "all-depths"]}, [], {}, [])


def test_cuts_of_a_checkpoint_are_compared_with_the_whole_of_it(cells: Path) -> None:
    rows = load_rows([cells])
    assert not any(entry.differences or entry.is_whole for entry in make_leaderboard(rows))
    first, *others = make_leaderboard(rows, wholes=dict.fromkeys(SHARES, "tiny"))
    assert first.is_whole and {entry.differences["ks"].value for entry in others} == {-40.0, -30.0, -20.0}


def test_a_head_that_reads_one_state_gives_it_all_the_weight(cells: Path) -> None:
    (score,) = [score_task([row for row in load_rows([cells]) if row.upstream == "tiny_layers_2"])]
    assert featurizer_weights(score) == pytest.approx([0.1, 0.9])
    for row in score.rows:
        states = torch.load(Path(row.folder) / "dev-best.ckpt", weights_only=False)
        torch.save({key: value for key, value in states.items() if key != "Featurizer"}, f"{row.folder}/dev-best.ckpt")
    assert featurizer_weights(score) == [1.0]


def test_a_margin_is_a_number_of_points(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(STUDY % "wide")
    with pytest.raises(ConfigError, match="margin 'wide': expected points"):
        read_study(tmp_path / "s.yaml")
