"""s3prl's own runner in this process, and the checkpoint that its tests cut."""

from __future__ import annotations

import builtins

import pytest

from s3prl_convexprune import compat
from s3prl_convexprune.run_downstream import main
from tests import checkpoints

LAYERS, KEPT = 3, 1


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    compat.apply()
    return checkpoints.CASES["hubert-post"].build(tmp_path_factory.mktemp("checkpoint"), LAYERS)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`run_downstream.py` in this process, from a folder that has nothing of s3prl."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments: str, **overrides: object) -> int:
        text = ",,".join(f"config.{key}={value}" for key, value in overrides.items())
        before = builtins.isinstance
        status = main([*arguments, "--device", "cpu", *(["-o", text] if text else [])])
        assert builtins.isinstance is before  # s3prl wraps it; wrapped twenty times over, a run does not end
        return status

    return run
