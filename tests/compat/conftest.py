"""What the files about code in checkpoints share."""

from __future__ import annotations

import pytest

from s3prl_convexprune.upstreams import registry


@pytest.fixture
def nothing_ran(tmp_path, monkeypatch):
    """Wherever a payload would leave its mark, it must not be; and torch's own guard is switched off."""
    registry.load_hub()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    yield
    assert not (tmp_path / "ran").exists()
