"""The plugin really installed (its wheel, in a virtual environment), a tiny upstream, and tiny corpora."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tiny_superb
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
        self,
        command: Sequence[str | Path],
        cwd: Path,
        environ: dict[str, str] | None = None,
        timeout: float = 400,
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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    names = ("setup.py", "pyproject.toml", "README.md", "LICENSE")
    names += ("s3prl_convexprune", "upstream_configs", "downstream_recipes")
    for name in names:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(source, folder / "source" / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, folder], cwd=folder / "source", check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a virtual environment, which borrows every other package from this interpreter's."""
    folder = tmp_path_factory.mktemp("venv")
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "S3PRL_CONVEXPRUNE"))
    }
    environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}
    environ["OMP_NUM_THREADS"] = "1"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, wheel], check=True, capture_output=True, env=environ)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(
        subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    )
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
        for task in tiny_superb.BUILDERS
        for key, value in tiny_superb.build(task, folder / task).items()
    }
