"""The course of every recipe: hyperparameters, corpus, training, test, record."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import speechbrain as sb
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.distributed import run_on_main

from ..atomic import named_refusal
from ..errors import ConfigError, ConvexPruneError, nearest
from ..fingerprint import weights_sha256
from ..program import END_WITH_STDIN, end_with_stdin
from . import manifests
from .brain import FineTuningBrain
from .record import Record

Hparams = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What a recipe's `train.py` defines.

    Attributes:
        brain: the recipe's Brain.
        prepare: writes the manifests that the hyperparameters ask for; runs on the main process.
        dataio_prep: gives the datasets train, valid and test, and for each what its data loader takes.
        about: what the record says beside scores and costs: the task, the fold.
    """

    brain: type[FineTuningBrain]
    prepare: Callable[[Hparams], None]
    dataio_prep: Callable[[Hparams], tuple[dict[str, Any], dict[str, dict[str, Any]]]]
    about: Callable[[Hparams], dict[str, Any]]

    def main(self, argv: Sequence[str]) -> int:
        """Run from a command line, as `python train.py hparams/x.yaml --data_folder=...` does.

        Returns:
            0, or 2 after bad input, whose one-line reason goes to stderr.
        """
        if os.environ.get(END_WITH_STDIN):
            end_with_stdin()
        try:
            self.train_and_test(argv)
        except Exception as error:
            reason = str(error) if isinstance(error, ConvexPruneError) else named_refusal(error)
            if reason is None:
                raise
            print(f"train.py: error: {reason}", file=sys.stderr)
            return 2
        return 0

    def train_and_test(self, argv: Sequence[str]) -> Record:
        """`main` for callers in Python: returns the record (see `FineTuningBrain.record`), raises the errors."""
        hparams_file, run_opts, overrides = sb.parse_arguments(list(argv))
        sb.utils.distributed.ddp_init_group(run_opts)
        hparams = load_hparams(hparams_file, overrides)
        sb.create_experiment_directory(
            experiment_directory=hparams["output_folder"], hyperparams_to_save=hparams_file, overrides=overrides
        )
        run_on_main(self.prepare, args=[hparams])
        datasets, loaders = self.dataio_prep(hparams)
        upstream_sha256 = weights_sha256(hparams["lobe"].upstream)
        brain = self.brain(
            modules=hparams["modules"], hparams=hparams, run_opts=run_opts, checkpointer=hparams["checkpointer"]
        )
        brain.train_sampler = loaders["train"].get("batch_sampler") or loaders["train"].get("sampler")
        brain.fit(
            brain.hparams.epoch_counter,
            datasets["train"],
            datasets["valid"],
            train_loader_kwargs=dict(loaders["train"]),
            valid_loader_kwargs=dict(loaders["valid"]),
        )
        brain.evaluate(datasets["test"], min_key=brain.criterion, test_loader_kwargs=dict(loaders["test"]))
        return brain.record(
            **self.about(hparams),
            manifests=manifests.fingerprint(hparams["manifest_folder"]),
            upstream_sha256=upstream_sha256,
        )


def load_hparams(path: str | Path, overrides: str) -> Hparams:
    """Load a hyperparameter file with the command line's overrides.

    Raises:
        ConfigError: the file cannot be read, a value without default is missing, or an override fits no key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: the hyperparameter file cannot be read: {error.strerror}") from error
    keys = re.findall(r"^(\w+):", text, flags=re.MULTILINE)
    given = re.findall(r"^(\w+):", overrides, flags=re.MULTILINE)
    for key in given:
        if key not in keys:
            raise ConfigError(f"{path} has no hyperparameter {key!r}{nearest(key, keys)}")
    for key in re.findall(r"^(\w+): *!PLACEHOLDER", text, flags=re.MULTILINE):
        if key not in given:
            raise ConfigError(f"{path}: {key} has no default; write --{key}=...")
    hparams: Hparams = load_hyperpyyaml(text, overrides)
    return hparams
