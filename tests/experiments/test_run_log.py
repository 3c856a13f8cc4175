"""What a cell prints goes to its log; on a full disk the cell's own error stays, and the terminal is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CELL = """
import os, sys
from pathlib import Path
from s3prl_convexprune.experiments.cells.run_log import output_into
print("before")
try:
    with output_into(Path(sys.argv[1])):
        print("of the cell", flush="full" not in sys.argv[1])
        os.write(2, b"of its library\\n") if "full" not in sys.argv[1] else None
        raise ValueError("its own")
except ValueError as error:
    print(error)
print("after")
"""


@pytest.mark.parametrize("log", ["log", "/dev/full"])
def test_the_cells_own_error_and_the_terminal(log: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CELL, str(tmp_path / log)]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert (ended.stdout, ended.stderr) == ("before\nits own\nafter\n", "")
    if log == "log":
        said = (tmp_path / log).read_text()
        assert said.startswith("of the cell\nof its library\n") and said.endswith("ValueError: its own\n")
