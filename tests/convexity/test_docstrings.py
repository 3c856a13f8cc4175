"""The examples in the docstrings and in docs/convexity.md run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import s3prl_convexprune.convexity as package


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(package.__path__)])
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"{package.__name__}.{name}")).failed == 0


def test_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "convexity.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0
