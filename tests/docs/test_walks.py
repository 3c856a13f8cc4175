"""CONTRIBUTING's walks through the code name things that are there."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALKS = PAGE.split("## Five walks through the code")[1].split("\n## ")[0].split("\n1. ")[1]
STOPS = sorted(
    {stop for stop in re.findall(r"`([a-z_.]+(?:\.\w+)+)`", WALKS) if not stop.endswith((".py", ".families"))}
)
ROOMS = re.findall(r"^\| `(\w+)/`", PAGE, re.M)


def test_there_are_stops_and_rooms():
    assert len(STOPS) > 25 and len(ROOMS) > 10


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_is_there(stop):
    parts = ["s3prl_convexprune", *stop.split(".")]
    names = [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
    module = next(name for name in names if _is_module(name))
    found = importlib.import_module(module)
    for name in parts[module.count(".") + 1 :]:
        found = getattr(found, name)
    assert callable(found)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is none
        return False


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_there(room):
    assert importlib.util.find_spec(f"s3prl_convexprune.{room}")
