"""docs/python.md: its shell and its notebook do the same job, run to the end on the shipped model and corpus."""

from __future__ import annotations

import json

import pytest

import s3prl_convexprune as cp
from s3prl_convexprune.cli.main import main

from .blocks import commands, to_run


@pytest.mark.slow
def test_the_shell_and_the_notebook_make_the_same(tmp_path, monkeypatch, capsys):
    shell, *notebook = to_run("docs/python.md")
    assert [block.language for block in (shell, *notebook)] == ["console", "python", "python"]
    for place in ("shell", "notebook"):
        (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / "shell")
    for program, *arguments in commands(shell):
        assert program == "s3prl-convexprune" and main(arguments) == 0
    monkeypatch.chdir(tmp_path / "notebook")
    space: dict[str, object] = {}
    for block in notebook:
        exec(block.text, space)
    assert "L13 is out of range 1..12" in capsys.readouterr().out

    made = [{path.name for path in (tmp_path / place).iterdir()} for place in ("shell", "notebook")]
    assert made[0] == made[1] >= {"styles.json", "styles.png", "styles.yaml", "cost.json", "six_layers"}
    one, other = tmp_path / "shell", tmp_path / "notebook"
    assert cp.Analysis.read(one / "styles.json") == cp.Analysis.read(other / "styles.json")
    for name in ("styles.yaml", "six_layers/model.safetensors", "six_layers/config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    costs = [json.loads((place / "cost.json").read_text())["rows"] for place in (one, other)]
    assert [row["macs"] for row in costs[0]] == [row["macs"] for row in costs[1]]
