"""The recipes on tiny corpora of tones, with tiny upstreams of random weights."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from speechbrain.utils.importutils import LazyModule

from s3prl_convexprune import compat
from s3prl_convexprune.resources import downstream_recipes_dir
from tests import tiny_corpora
from tests.checkpoints import CASES

# hypothesis asks every loaded module for its file; one of SpeechBrain's lazy modules would import k2 to answer.
LazyModule.__file__ = None

RECIPES = downstream_recipes_dir() / "speechbrain"
HPARAMS = {
    "ks": ("KS", "v2_35.yaml"),
    "sid": ("SID", "voxceleb1.yaml"),
    "er": ("ER", "iemocap.yaml"),
    "asr": ("ASR", "librispeech_100.yaml"),
}
FAST = {"device": "cpu", "num_workers": 0, "lr_upstream": 0.002, "number_of_epochs": 3}
CUT = "hubert_custom_convexpruned_L2"
FAST_FOR = {
    "ks": {"lr": 0.02, "batch_size": 8},
    "sid": {"lr": 0.02, "train_seconds": 0.5, "max_batch_length": 2, "out_n_neurons": 3},
    "er": {"lr": 0.02},
    "asr": {"lr": 0.9, "dnn_neurons": 64, "max_batch_length": 3},
}


@pytest.fixture(scope="session")
def corpora(tmp_path_factory) -> dict[str, Path]:
    """One corpus a task, in the layout of the real one."""
    root = tmp_path_factory.mktemp("corpora")
    return {
        "ks": tiny_corpora.speech_commands(root / "ks", train=4, dev=2, test=2, lists=True),
        "ks_test": tiny_corpora.speech_commands_test(root / "ks_test"),
        "sid": tiny_corpora.voxceleb1(root / "sid", each=8),
        "sid_commands": tiny_corpora.speech_commands(
            root / "sid_commands", ("yes", "no", "bed", "up"), train=3, dev=1, test=0, takes=3, voices=True
        ),
        "er": tiny_corpora.iemocap(root / "er", each=1),
        "asr": tiny_corpora.librispeech(root / "asr", each=4),
    }


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Callable[[str], str]:
    """Path of a tiny checkpoint of `tests.checkpoints`."""
    compat.apply()
    built: dict[str, str] = {}

    def build(name: str) -> str:
        if name not in built:
            built[name] = str(CASES[name].build(tmp_path_factory.mktemp(name)))
        return built[name]

    return build


def command_line(
    task: str, corpora: dict[str, Path], checkpoint: Callable[[str], str], folder: Path, **given: Any
) -> list[str]:
    """Arguments of a task's `train.py` for a run of seconds."""
    folder_name, hparams = HPARAMS[task]
    values = {
        "data_folder": corpora.get(task),
        "output_folder": folder,
        "upstream": "hubert_custom",
        "upstream_ckpt": checkpoint("hubert-post"),
        **FAST,
        **FAST_FOR[task],
        **given,
    }
    hparams = values.pop("hparams", hparams)
    flags = [f"--{key}" for key, value in values.items() if value is True]
    settings = [f"--{key}={value}" for key, value in values.items() if value is not True]
    return [str(RECIPES / folder_name / "hparams" / hparams), "--noprogressbar", *flags, *settings]


def load_recipe(task: str) -> Any:
    """The `RECIPE` of a task's `train.py`, imported as running it would."""
    folder = RECIPES / HPARAMS[task][0]
    spec = importlib.util.spec_from_file_location(f"{task}_train", folder / "train.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module.RECIPE


@pytest.fixture
def script(corpora, checkpoint, tmp_path):
    """The command that runs a recipe in a process of its own."""

    def command(task: str, **given: Any) -> list[str]:
        folder = given.pop("output_folder", tmp_path / "run")
        train_py = RECIPES / HPARAMS[task][0] / "train.py"
        return [sys.executable, str(train_py), *command_line(task, corpora, checkpoint, folder, **given)]

    return command


@pytest.fixture
def train(corpora, checkpoint, tmp_path, monkeypatch):
    """Run a recipe in this process; returns its record."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("SB_GLOBAL_SEED", "0")

    def run(task: str, **given: Any) -> dict[str, Any]:
        folder = given.pop("output_folder", tmp_path / "run")
        return load_recipe(task).train_and_test(command_line(task, corpora, checkpoint, folder, **given))

    yield run
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def finetuned(corpora, checkpoint, tmp_path_factory) -> Path:
    """The folder of `CUT`, fine-tuned on three tones for three epochs."""
    folder = tmp_path_factory.mktemp("run") / "seed3"
    given = {"upstream": CUT, "seed": 3, "number_of_epochs": 3, "lr_upstream": 0.01}
    load_recipe("ks").train_and_test(command_line("ks", corpora, checkpoint, folder, **given))
    return folder
