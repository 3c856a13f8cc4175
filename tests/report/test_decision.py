"""The answer: what it says of an interval, and which cut it takes where no rule is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3prl_convexprune.report.decision import Decision, decisions_of, sentences, table, text, verdict
from s3prl_convexprune.results.bootstrap import Difference
from s3prl_convexprune.results.leaderboard import Entry, load_rows, make_leaderboard
from s3prl_convexprune.results.result import Result
from s3prl_convexprune.results.summary import TaskScore
from tests.results.finished_cells import small_grid

NUMBER = st.floats(-20, 20)


def entry(task: str, name: str, layers: int, gap: Difference | None = None, params: int = 10**6) -> Entry:
    rows: tuple[Result, ...] = ()
    score = TaskScore(task, name, "frozen", 50.0, None, 50.0, 1.0, (1.0,), (1,), (), layers, params, 9, rows, ())
    differences = {} if gap is None else {task: gap}
    return Entry(name, {task: score}, "tiny", False, params, layers, differences=differences)


def decision(low: float, high: float, margin: float = 1.0, task: str = "ks") -> Decision:
    gap = Difference((low + high) / 2, low, high, 9)
    return Decision(task, "tiny", "argmax", entry(task, "tiny", 12), entry(task, "cut", 6, gap), margin)


@given(NUMBER, NUMBER, st.floats(0.1, 5))
def test_words_follow_the_interval(one: float, other: float, margin: float) -> None:
    low, high = sorted((one, other))
    said = verdict(decision(low, high, margin))
    assert ("cannot be told" in said) == (low <= 0 <= high)
    assert ("higher than" in said) == (low > 0) and ("lower than" in said) == (high < 0)
    inside = -margin <= low and high <= margin
    assert ("not yet equivalent" in said) == (low <= 0 <= high and not inside)
    assert ("equal" in said) is False


@pytest.mark.parametrize(
    ("low", "high", "task", "said"),
    [
        (-2.4, 2.7, "ks", "Accuracy cannot be told from the whole model (+0.2, interval -2.4 to +2.7; margin 1: not"),
        (-0.4, 0.6, "ks", "margin 1: equivalent)"),
        (0.2, 0.6, "ks", "higher than the whole model's (+0.4, interval +0.2 to +0.6; within the margin of 1)"),
        (1.0, 3.0, "asr", "Word error rate is higher than"),
    ],
)
def test_a_verdict(low: float, high: float, task: str, said: str) -> None:
    assert said in verdict(decision(low, high, task=task))


def test_without_a_difference_or_a_cut_it_says_so() -> None:
    whole = entry("ks", "tiny", 12)
    undone = Decision("ks", "tiny", "argmax", whole, whole)
    (said,) = sentences([undone])
    assert said == "KS: cut nothing, keep all 12 layers (argmax)."
    assert "no paired difference" in verdict(Decision("ks", "tiny", "argmax", whole, entry("ks", "cut", 6)))


def test_a_board_without_rules_takes_the_smallest_cut_that_is_not_worse(tmp_path: Path) -> None:
    """In the small grid KS holds down to L8, and on SID every cut is better than the whole."""
    profiles = small_grid(tmp_path)
    found = decisions_of(make_leaderboard(load_rows([tmp_path]), profiles=profiles))
    assert {one.task: one.layers for one in found} == {"ks": 8, "sid": 2}
    assert all("on test" in one.rule for one in found)
    said = dict(line.split(": ", 1) for line in sentences(found))
    whole, cut = 1_000_000 + 200_000 * 12, 1_000_000 + 200_000 * 8
    assert f"Saves {100 * (1 - cut / whole):.0f} % of parameters" in said["KS"] and "of MACs" in said["KS"]


def test_the_terminals_table_is_aligned_and_says_what_the_page_says(tmp_path: Path) -> None:
    profiles = small_grid(tmp_path)
    found = decisions_of(make_leaderboard(load_rows([tmp_path]), profiles=profiles))
    columns, rows = table(found)
    lines = text(found)
    for number, column in enumerate(columns):
        at = lines[0].index(column)
        assert [line[at:].startswith(row[number]) for line, row in zip(lines[1:], rows, strict=True)] == [True] * len(
            rows
        )
    assert text([]) == []
