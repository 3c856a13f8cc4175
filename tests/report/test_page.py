"""The page without a browser: rows of either kind, commands that can be pasted, names that stay text."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.errors import ArtifactError
from s3prl_convexprune.markdown import escape
from s3prl_convexprune.report.page import write_page
from s3prl_convexprune.results.leaderboard import load_rows, make_leaderboard
from s3prl_convexprune.results.provenance import Depth
from s3prl_convexprune.results.tables import as_csv, markdown
from s3prl_convexprune.upstreams.profile import write_profiles
from tests.results.finished_cells import finished_cell, profile_of, right_answers
from tests.test_schema import analysis as an_analysis

HOSTILE = ["<script>alert(1)</script>", "=HYPERLINK(1)", "a | b", "`rm -rf`", "two\nlines", "-1+1", "[x](y)", "&amp;"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole upstream and a cut on KS, each frozen and fine-tuned."""
    folder = tmp_path_factory.mktemp("grid")
    for upstream, layers, depth in (("tiny", 12, None), ("tiny_convexpruned_L2", 2, Depth(base="tiny"))):
        for how, share in (("frozen", 0.6), ("finetuned", 0.8)):
            right = right_answers(50, share, layers)
            where = folder / how
            finished_cell(where, upstream, "ks", right, layers=layers, depth=depth, how=how)
    return folder


def details(page: Path) -> dict[str, Any]:
    """What the dialogs behind the page's numbers say."""
    text = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    assert text is not None
    return json.loads(text[1])["details"]


def test_fine_tuned_rows_stand_beside_frozen_ones(grid: Path, tmp_path: Path) -> None:
    rows = load_rows([grid])
    page = write_page(rows, [], [], tmp_path / "page.html")
    names = {"tiny", "tiny_convexpruned_L2", "tiny (fine-tuned)", "tiny_convexpruned_L2 (fine-tuned)"}
    assert {entry.name for entry in make_leaderboard(rows)} == names
    assert {key.removesuffix("/ks") for key in details(page)} == names
    by_name = {entry.name: entry for entry in make_leaderboard(rows)}
    cut = by_name["tiny_convexpruned_L2 (fine-tuned)"]
    assert cut.base == "tiny (fine-tuned)" and cut.differences["ks"].utterances == 50
    assert main(["leaderboard", str(grid), "-o", str(tmp_path / "again.html"), str(tmp_path / "x.json")]) == 0
    assert details(tmp_path / "again.html").keys() == details(page).keys()


def test_a_command_can_be_pasted(grid: Path, tmp_path: Path) -> None:
    rows = load_rows([grid])
    found = details(write_page(rows, [], [], tmp_path / "page.html"))
    for row in rows:
        assert tuple(shlex.split(found[f"{row.name}/ks"]["command"])) == row.provenance.command


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_in_every_format(name: str, grid: Path, tmp_path: Path) -> None:
    rows = load_rows([grid / "frozen"])
    entries = make_leaderboard(rows, systems={name: {"ks": "tiny"}})
    lines = [line for line in markdown(entries).splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines[:5]}) == 1 and "\n" not in escape(name)
    assert any(escape(name) in line for line in lines)
    assert not re.search(r"(^|,)[=+@]|(^|,)\"?-[^0-9]|^-", as_csv(entries), re.MULTILINE)
    page = write_page(rows, [], [], tmp_path / "page.html", systems={name: {"ks": "tiny"}}).read_text()
    assert "<script>alert" not in page and f"{name}/ks" in details(tmp_path / "page.html")


def test_escaped_text_is_what_markdown_shows() -> None:
    """Every sign that Markdown reads is behind a backslash; without those the text is what it was, on one line."""
    for name in HOSTILE:
        assert re.sub(r"\\(.)", r"\1", escape(name)) == " ".join(name.split())
        assert not re.search(r"(?<!\\)[`|<>*\[\]]", escape(name))


def test_profiles_of_two_devices_do_not_share_a_table(grid: Path, tmp_path: Path) -> None:
    profiles = [profile_of("tiny", 12), profile_of("tiny_convexpruned_L2", 2, device="cuda")]
    with pytest.raises(ArtifactError, match=r"\(cpu\).*\(cuda\).*one column"):
        make_leaderboard(load_rows([grid]), profiles=profiles)
    paths = [write_profiles(tmp_path / f"{row.upstream}.json", [row]) for row in profiles]
    assert main(["leaderboard", str(grid), "--profile", *map(str, paths)]) == 2


def test_readers_import_no_torch(grid: Path, tmp_path: Path) -> None:
    """`leaderboard` in every format and `select`, in one fresh process."""
    profile = write_profiles(tmp_path / "p.json", [profile_of("tiny", 12)])
    analysis = an_analysis().write(tmp_path / "a.json")
    outputs = [str(tmp_path / f"x.{kind}") for kind in ("md", "csv", "json", "html")]
    board = ["leaderboard", str(grid), "--profile", str(profile), "--analysis", str(analysis), "-o", *outputs]
    commands = [board, board, ["select", str(analysis), "--fallback", "argmax", "--name", "mine"]]
    program = (
        "import sys\nfrom s3prl_convexprune.cli.main import main\n"
        f"print([main(command) for command in {commands}], 'torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "[0, 0, 0] False"


def test_two_boards_stand_beside_each_other(grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same upstream and task in both: a paired difference; other utterances: the reason why there is none."""
    other, third = tmp_path / "other", tmp_path / "third"
    finished_cell(other, "tiny", "ks", right_answers(50, 0.9, 3))
    finished_cell(third, "tiny", "ks", right_answers(40, 0.9, 3))
    page = tmp_path / "page.html"
    command = ["leaderboard", str(grid / "frozen"), "-o", str(page), "--beside"]
    assert main([*command, str(other)]) == 0
    said = capsys.readouterr().out
    assert f"wrote {page}; open {page} in a browser" in said and "KS: keep 2 of 12 layers" in said
    rows = re.findall(r"<tr>.*?</tr>", page.read_text().split('id="beside"')[1].split("</table>")[0], re.DOTALL)
    plain = [re.sub(r"<[^>]+>", " ", row) for row in rows[1:]]
    assert len(plain) == 2 and "60.00" in plain[0] and "90.00" in plain[0] and "+30.00" in plain[0]
    assert "only in one" in plain[1]
    assert main([*command, str(third)]) == 0
    assert "tested on other utterances" in page.read_text()


def test_no_path_of_the_makers_machine(tmp_path: Path) -> None:
    rows = []
    finished_cell(tmp_path, "tiny", "ks", right_answers(9, 0.5, 1))
    for row in load_rows([tmp_path]):
        command = (*row.provenance.command, "-o", f"config.root='{tmp_path}/corpus/ks',,config.x=1")
        rows.append(replace(row, provenance=replace(row.provenance, command=command)))
    page = write_page(rows, [], [], tmp_path / "page.html", [f"measured in {tmp_path}/x"])
    assert str(tmp_path) not in page.read_text()
    assert shlex.split(details(page)["tiny/ks"]["command"])[-1] == "config.root='ks',,config.x=1"
