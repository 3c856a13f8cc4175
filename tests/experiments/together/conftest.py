"""The corpora and the cells that ran alone, once for all files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s3prl_convexprune import compat

compat.apply()


from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from tests.experiments.together.runs import LENGTHS, plan_for, run  # noqa: E402
from tests.recipe_corpora import BUILDERS  # noqa: E402


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("corpora")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        for task, build in BUILDERS.items():
            for name, value in build(root / task, lengths=LENGTHS).items():
                patch.setenv(name, value)
        yield root


@pytest.fixture(scope="session")
def alone(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Grid]:
    """The cells of one of `RUNS`, each run alone, once for all tests."""

    @functools.cache
    def run_alone(name: str) -> Grid:
        plan = plan_for(corpora, name, tmp_path_factory.mktemp("alone"), together=1)
        with pytest.MonkeyPatch.context() as patch:
            assert run(plan, patch) == []
        return plan

    return run_alone
