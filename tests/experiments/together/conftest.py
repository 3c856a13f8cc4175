"""The corpora and the cells that ran alone, once for all files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s3prl_convexprune import compat

compat.apply()


from s3prl_convexprune.experiments.frozen.grid import Grid  # noqa: E402
from tests.experiments.together.runs import LENGTHS, plan_for, run  # noqa: E402
from tests.recipe_corpora import BUILDERS  # noqa: E402


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The corpora's folder, and the variables that point at them."""
    root = tmp_path_factory.mktemp("corpora")
    variables = {"XDG_CACHE_HOME": str(root / "cache")}
    for task, build in BUILDERS.items():
        variables |= build(root / task, lengths=LENGTHS)
    return root, variables


@pytest.fixture(scope="module")
def corpora(laid_out: tuple[Path, dict[str, str]]) -> Iterator[Path]:
    root, variables = laid_out
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setenv("S3PRL_CONVEXPRUNE_CONFIGS", str(root / "configs"))  # of the cuts that keep the last LayerNorm
        yield root


@pytest.fixture(scope="session")
def ran_alone() -> dict[str, Grid]:
    return {}


@pytest.fixture(scope="module")
def alone(corpora: Path, ran_alone: dict[str, Grid], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Grid]:
    """The cells of one of `RUNS`, each run alone, once for all files."""

    def run_alone(name: str) -> Grid:
        if name not in ran_alone:
            plan = plan_for(corpora, name, tmp_path_factory.mktemp("alone"), together=1)
            with pytest.MonkeyPatch.context() as patch:
                assert run(plan, patch) == []
            ran_alone[name] = plan
        return ran_alone[name]

    return run_alone
