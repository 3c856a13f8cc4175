"""docs/tutorial.ipynb: its cells run in order in a folder of their own, and print what the page shows."""

from __future__ import annotations

import re

import pytest

from tools.docs import notebook

NUMBER = re.compile(r"\d+\.\d+")


@pytest.mark.slow
def test_the_cells_print_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = notebook.run()
    shown = [cell.printed for cell in notebook.cells() if cell.code]
    assert [NUMBER.sub("#", text) for text in printed] == [NUMBER.sub("#", text) for text in shown]
    assert len(printed) == 5
    for now, then in zip(map(NUMBER.findall, printed), map(NUMBER.findall, shown), strict=True):
        # another release of torch sums in another order, and a neighbour changes
        assert [float(number) for number in now] == pytest.approx([float(number) for number in then], abs=1.0)
