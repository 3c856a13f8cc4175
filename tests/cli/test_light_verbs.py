"""Verbs that only read import nothing of size: no torch, no numba, not the hub of s3prl."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from s3prl_convexprune.cli.parser import VERBS
from tests.analysis.test_select import analysis
from tests.results.finished_cells import small_grid

HEAVY = ("torch", "torchaudio", "transformers", "numba", "scipy", "sklearn", "pandas", "matplotlib", "s3prl.hub")

PROGRAM = """
import json, sys
from s3prl_convexprune.cli.main import main
for arguments, expected in json.load(sys.stdin):
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code or 0
    assert status == expected, (arguments, status)
    loaded = [name for name in {heavy} if name in sys.modules]
    assert not loaded, (arguments, loaded)
"""


def test_readers_import_nothing_of_size(tmp_path):
    analysis([60, 80, 70]).write(tmp_path / "analysis.json")
    small_grid(tmp_path / "grid")
    cut, deep = "hubert_convexpruned_L6", "wavlm_large_convexpruned_L25"
    commands: list[tuple[list[str], int]] = [
        ([], 0),
        (["--version"], 0),
        *((["help", verb], 0) for verb in VERBS),
        (["list"], 0),
        (["list", "--bases", "--json"], 0),
        (["show", cut], 0),
        (["show", "hubert"], 0),
        (["show", deep], 2),
        (["export", deep, "-o", "x"], 2),
        (["run", "-u", cut, deep, "-t", "ks", "-o", str(tmp_path / "new"), "--dry-run"], 2),
        (["run", "-u", cut, "-t", "kws", "-o", str(tmp_path / "new")], 2),
        (["select", str(tmp_path / "analysis.json"), "--json"], 0),
        (["select", str(tmp_path / "analysis.json"), "--policy", "within-sem", "--name", "shallow"], 0),
        (["leaderboard", str(tmp_path / "grid"), "--json"], 0),
        (["leaderboard", str(tmp_path / "grid"), "--reference", "superb", "-o", str(tmp_path / "board.md")], 0),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{heavy}", repr(HEAVY))],
        input=json.dumps(commands),
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "ESPnet" not in done.stderr and (tmp_path / "board.md").is_file()
