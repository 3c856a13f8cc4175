"""What others build on does not change by accident: `public_api.txt` holds it, CONTRIBUTING says how it may change."""

from __future__ import annotations

import difflib
from pathlib import Path

from . import public_api

KEPT = Path(__file__).with_name("public_api.txt")
ADVICE = """
The public API is not what public_api.txt says. If that is meant: CHANGELOG gets a line, what goes away is deprecated
first (CONTRIBUTING, "What may change"), and this keeps the new one:
    python -m tests.cli.public_api > tests/cli/public_api.txt
"""


def test_it_is_what_is_kept():
    kept = KEPT.read_text(encoding="utf-8").splitlines()
    changes = list(difflib.unified_diff(kept, list(public_api.lines()), "kept", "now", lineterm="", n=0))
    assert changes == [], "\n".join([ADVICE, *changes])


def sample(first: int | None, /, second: str = "x", *rest: int, third: float = 1.0) -> dict[str, int]: ...


def test_a_change_of_any_part_shows():
    said = "(first: int | None, /, second: str = 'x', *rest: int, third: float = 1.0) -> dict[str, int]"
    assert public_api.signature(sample) == said
