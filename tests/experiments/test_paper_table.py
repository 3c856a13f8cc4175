"""The paper's columns: per model, their mean, and the poster's own line apart."""

from __future__ import annotations

import pytest
import yaml

from s3prl_convexprune.experiments.cuts import Cut
from s3prl_convexprune.experiments.finetuned.paper_table import change, paper_table
from s3prl_convexprune.experiments.finetuned.table import Line
from s3prl_convexprune.experiments.published import changes
from s3prl_convexprune.experiments.study_file import read_study
from s3prl_convexprune.tasks.table import TASKS
from tests.finetuned_rows import row


def line(upstream, layers, score, params, train, inference):
    return Line(upstream, layers, score, None, params, train, None, inference, None)


def test_changes_their_mean_and_the_published_line():
    one = change(line("a", 12, 96.0, 100, 10.0, 4.0), line("a_cut", 8, 95.5, 70, 8.0, 3.0))
    two = change(line("b", 12, 90.0, 100, 10.0, 4.0), line("b_cut", 8, 91.0, 50, 6.0, 1.0))
    assert (one.score, one.training_time, one.inference_time, one.size) == pytest.approx((-0.5, -20, -25, -30))
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in paper_table([one, two], TASKS["ks"], "word").splitlines()
    ]
    assert rows[2] == ["a", "8", "-0.50 points", "-20.0 %", "-25.0 %", "-30.0 %"]
    assert rows[4] == ["measured, mean over 2", "", "+0.25 points", "-30.0 %", "-50.0 %", "-40.0 %"]
    assert rows[5][0].startswith("published") and rows[5][2:] == ["-0.25 %", "-23.4 %", "-25.9 %", "-"]
    assert "+1.22 % | -47.8 % | -58.7 %" in paper_table([one], TASKS["sid"], "speaker")


def test_a_change_of_an_error_rate_is_not_called_accuracy():
    worse = change(line("a", 12, 10.0, 100, 10.0, 4.0), line("a_cut", 8, 25.0, 70, 8.0, 3.0))
    head, _, row, *_ = paper_table([worse], TASKS["asr"]).splitlines()
    assert "| wer |" in head and "accuracy" not in head and "| +15.00 points |" in row


def test_a_cut_without_its_whole_upstream_has_no_line(tmp_path):
    """After all training the report is still written."""
    analyses = {"word": {"corpus": "speech_commands", "label": "word"}}
    given = {"study": "mine", "upstreams": ["a", "b"], "analyses": analyses, "cuts": ["whole", "argmax"]}
    given["evaluate"] = [{"task": "ks", "how": "finetuned"}]
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(given))
    study = read_study(tmp_path / "s.yaml")
    (first, second), (whole, argmax) = study.bases, study.cuts
    cuts = [Cut(base, argmax, "word", 8, 12, f"{base.name}_cut") for base in (first, second)]
    rows = [row(cut.name, 0, None, 90.0, 2.0, [80.0], "ks") for cut in cuts]
    assert changes(study, {"ks fine-tuned": cuts}, rows) == []
    cuts.append(Cut(first, whole, "word", 12, 12, "a"))
    rows.append(row("a", 0, None, 91.0, 4.0, [80.0], "ks"))
    text = "\n".join(changes(study, {"ks fine-tuned": cuts}, rows))
    assert "| a (fine-tuned) | 3 | -1.00 points |" in text and "| b" not in text and "mean over 1" in text
