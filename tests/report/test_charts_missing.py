"""Without the library that draws its figures a page is refused in one line, before anything is read or computed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from s3prl_convexprune.cli.main import main

STUDY = "{study: s, upstreams: [tiny_hubert], analyses: {word: {corpus: demo, label: word}}, cuts: [whole]}"


@pytest.mark.parametrize("command", ["leaderboard absent -o board.html", "study s.yaml -o out"])
def test_a_page_is_refused_first(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    gone = lambda name, *package: None if name == "vl_convert" else found(name, *package)  # noqa: E731
    monkeypatch.setattr("s3prl_convexprune.report.vega.find_spec", gone)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(STUDY)
    assert main(command.split()) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "pip install vl-convert-python" in line
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]
