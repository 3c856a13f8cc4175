"""What a command prints last says what was written and what to do with it, in words that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from s3prl_convexprune.cli.cells import print_report
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.cli.parser import verb_parser
from s3prl_convexprune.experiments.cells.run import GridReport
from s3prl_convexprune.results.leaderboard import load_rows

from ..results.finished_cells import small_grid

TINY = ["-u", "tiny_hubert", "--device", "cpu"]


def taken(line: str) -> str:
    """The verb that a line names with all its arguments; its parser takes them."""
    verb, *arguments = shlex.split(line.split("s3prl-convexprune ")[1])
    verb_parser(verb).parse_args(arguments)
    return verb


def test_an_analysis_and_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", *TINY, "--corpus", "demo", "--label", "emotion", "--per-class", "4", "-o", "x.json"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("wrote x.json, x.png, x.svg; ") and taken(last) == "select"

    assert main(["profile", *TINY, "--seconds", "0.1", "--batch", "1", "--repeats", "1", "-o", "p.json"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    verb, option = re.fullmatch(r"wrote p.json, which '(\w+) (--\w+)' reads", last).groups()
    assert option in verb_parser(verb)._option_string_actions


def test_a_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small_grid(tmp_path / "grid", seeds=[1])
    assert print_report(GridReport(tmp_path / "grid" / "results.json")) == 0
    assert "leaderboard" not in capsys.readouterr().out  # of nothing
    assert print_report(GridReport(tmp_path / "grid" / "results.json", load_rows([tmp_path / "grid"]))) == 0
    assert taken(capsys.readouterr().out.splitlines()[-1]) == "leaderboard"
