"""The plugin really installed (its wheel, in a virtual environment), a tiny upstream, and tiny corpora."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests import recipe_corpora
from tests.checkpoints import CASES

REPOSITORY = Path(__file__).resolve().parents[2]

#: What makes a recipe's schedule two steps long, and its batches two utterances.
SHORT = {
    "config.runner.total_steps": 2,
    "config.runner.log_step": 1,
    "config.runner.eval_step": 2,
    "config.runner.save_step": 1,
    "config.runner.gradient_accumulate_steps": 1,
    "config.downstream_expert.datarc.num_workers": 0,
    "config.downstream_expert.datarc.batch_size": 2,
    "config.downstream_expert.datarc.train_batch_size": 2,
}
SMALL_ASR = {
    "config.downstream_expert.modelrc.RNNs.dim": [8, 8],
    "config.downstream_expert.modelrc.RNNs.dropout": [0.0, 0.0],
    "config.specaug": {},
}


def override(*settings: dict) -> str:
    """The text for s3prl's ``-o``."""
    merged = {key: value for part in settings for key, value in part.items()}
    return ",,".join(f"{key}={value}" for key, value in merged.items())


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the plugin's wheel in it.

    Attributes:
        bin: its folder of programs.
        environ: environment variables for its processes: no stray PYTHONPATH, its own cache, one thread.
    """

    bin: Path
    environ: dict[str, str]

    def run(
        self, command: Sequence[str | Path], cwd: Path, environ: dict[str, str] | None = None, timeout: float = 400
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment (its first word) in `cwd`."""
        return subprocess.run(
            [str(self.bin / command[0]), *map(str, command[1:])],
            cwd=cwd,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
        )


@dataclass(frozen=True)
class Distributions:
    """What would go to PyPI.

    Attributes:
        sdist: built from a copy of the checkout.
        source: the sdist, unpacked.
        wheel: built from that.
    """

    sdist: Path
    source: Path
    wheel: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist and, from it, the wheel; built once for all of pytest-xdist's workers."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "distributions"
    with FileLock(f"{folder}.lock"):
        if not (folder / "wheel").is_dir():
            _build(folder)
    sdist = next(folder.glob("*.tar.gz"))
    return Distributions(sdist, folder / sdist.name.removesuffix(".tar.gz"), next((folder / "wheel").glob("*.whl")))


def _build(folder: Path) -> None:
    checkout = folder / "checkout"
    made = (".git", ".venv*", ".*_cache", "*.egg-info", "__pycache__", "build", "dist", "demo_output", "result")
    shutil.copytree(REPOSITORY, checkout, ignore=shutil.ignore_patterns(*made), dirs_exist_ok=True)
    build = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
    python = [sys.executable, "-c", build]
    subprocess.run([*python, "build_sdist", folder], cwd=checkout, check=True, capture_output=True)
    sdist = next(folder.glob("*.tar.gz"))
    with tarfile.open(sdist) as file:
        file.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    subprocess.run([*python, "build_wheel", folder / "made"], cwd=source, check=True, capture_output=True)
    (folder / "made").rename(folder / "wheel")


@pytest.fixture(scope="session")
def wheel(distributions: Distributions) -> Path:
    """The wheel, built from the sdist."""
    return distributions.wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a virtual environment, which borrows every other package from this interpreter's."""
    folder = tmp_path_factory.mktemp("venv")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "S3PRL_CONVEXPRUNE"))}
    environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}
    (folder / "cache").mkdir()
    environ["OMP_NUM_THREADS"] = "1"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, wheel], check=True, capture_output=True, env=environ)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip())
    (site / "zz_borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.copy(Path(sysconfig.get_path("scripts")) / "torchrun", folder / "bin" / "torchrun")
    script = (folder / "bin" / "torchrun").read_text().splitlines(keepends=True)
    (folder / "bin" / "torchrun").write_text("".join([f"#!{python}\n", *script[1:]]))
    return Installed(folder / "bin", environ)


@pytest.fixture(scope="session")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for `hubert_custom`: 4 transformer layers, random weights."""
    from s3prl_convexprune import compat

    compat.apply()
    return CASES["hubert-post"].build(tmp_path_factory.mktemp("hubert"))


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables that point at tiny corpora of all four tasks."""
    folder = tmp_path_factory.mktemp("corpora")
    return {
        key: value
        for task in recipe_corpora.BUILDERS
        for key, value in recipe_corpora.build(task, folder / task).items()
    }
