"""One fork server for the whole campaign."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .forkserver import ForkServer


@pytest.fixture(scope="package")
def server() -> Iterator[ForkServer]:
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    try:
        with ForkServer(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
