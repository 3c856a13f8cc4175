"""What SECURITY.md promises in numbers and names is what the code holds, and the tests that hold it exist."""

from __future__ import annotations

import re

from s3prl_convexprune.safe_load import ALLOWED
from s3prl_convexprune.yaml_file import MOST_BYTES, MOST_NODES

from .blocks import ROOT

PAGE = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
WORDS = {6: "six"}


def test_the_bounds_of_yaml() -> None:
    assert f"within {MOST_BYTES // 1024} kB and {MOST_NODES:,} values" in PAGE


def test_the_types_that_a_checkpoint_may_hold() -> None:
    namespace, *schedules = ALLOWED
    names = {kind.__name__ for kind in schedules}
    assert f"`{namespace.__module__}.{namespace.__name__}`" in PAGE
    assert f"the {WORDS[len(names)]} learning-rate schedules" in PAGE


def test_every_file_and_variable_that_it_names() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "s3prl_convexprune").rglob("*.py"))
    named = re.findall(r"`(s3prl_convexprune/[^`]+)`", PAGE)
    assert named and all((ROOT / name).is_file() for name in named)
    variables = re.findall(r"S3PRL_CONVEXPRUNE_[A-Z_]+", PAGE)
    assert variables and all(f'"{name}"' in sources for name in variables)


def test_every_promise_has_its_tests() -> None:
    table = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    held = re.findall(r"^\| ([^|]+) \| ((?:`tests/[^`]+`(?:, )?)+) \|$", table, re.MULTILINE)
    promises = re.findall(r"^- \*\*([^*]+)\*\*", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [promise for promise, _ in held][: len(promises)] == promises
    files = [name for _, names in held for name in re.findall(r"`([^`]+)`", names)]
    assert all((ROOT / name).exists() for name in files), [name for name in files if not (ROOT / name).exists()]
