#!/usr/bin/env python3
"""Keyword spotting on Google Speech Commands with an s3prl upstream, whole or cut, fine-tuned end to end.

> python train.py hparams/v2_35.yaml --data_folder=/path/to/speech_commands_v0.02 --upstream=hubert
> python train.py hparams/v2_35.yaml --data_folder=/path/to/speech_commands_v0.02 --upstream=hubert_convexpruned_L6
"""

import sys

from speech_commands_prepare import prepare_speech_commands

from s3prl_convexprune.speechbrain.classifier import UtteranceClassifier
from s3prl_convexprune.speechbrain.datasets import class_balanced, labelled_datasets
from s3prl_convexprune.speechbrain.recipe import Recipe


class KeywordBrain(UtteranceClassifier):
    """One utterance, one word; forward pass and loss are `UtteranceClassifier`'s."""


def prepare(hparams):
    """Write the manifests of the 35-word or the 12-class task."""
    prepare_speech_commands(
        data_folder=hparams["data_folder"],
        save_folder=hparams["manifest_folder"],
        label=hparams["label"],
        test_data_folder=hparams["test_data_folder"],
        skip_prep=hparams["skip_prep"],
    )


def dataio_prep(hparams):
    """Datasets with waveform and label, and how they are put into batches."""
    datasets = labelled_datasets(hparams, hparams["label"])
    train = {"batch_size": hparams["batch_size"], "num_workers": hparams["num_workers"]}
    if hparams["class_balanced"]:
        train["sampler"] = class_balanced(datasets["train"], hparams["label"], hparams["seed"])
    else:
        train["shuffle"] = True
    test = {"batch_size": hparams["test_batch_size"], "num_workers": hparams["num_workers"]}
    return datasets, {"train": train, "valid": test, "test": test}


RECIPE = Recipe(KeywordBrain, prepare, dataio_prep, about=lambda hparams: {"task": "ks"})

if __name__ == "__main__":
    sys.exit(RECIPE.main(sys.argv[1:]))
