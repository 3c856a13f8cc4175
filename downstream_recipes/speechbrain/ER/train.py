#!/usr/bin/env python3
"""Emotion recognition on IEMOCAP with an s3prl upstream, whole or cut, fine-tuned end to end.

> python train.py hparams/iemocap.yaml --data_folder=/path/to/IEMOCAP_full_release --upstream=hubert --test_session=1
> python train.py hparams/iemocap.yaml --data_folder=/path/to/IEMOCAP_full_release --upstream=hubert_convexpruned_L8

The number of this task is the mean over the five test sessions; `s3prl-convexprune finetune -t er` runs them all.
"""

import sys

from iemocap_prepare import prepare_iemocap

from s3prl_convexprune.speechbrain.classifier import UtteranceClassifier
from s3prl_convexprune.speechbrain.datasets import dynamic_loaders, labelled_datasets
from s3prl_convexprune.speechbrain.recipe import Recipe


class EmotionBrain(UtteranceClassifier):
    """One utterance, one of four emotions; forward pass and loss are `UtteranceClassifier`'s."""


def prepare(hparams):
    """Write the manifests of one fold."""
    prepare_iemocap(
        data_folder=hparams["data_folder"],
        save_folder=hparams["manifest_folder"],
        split=hparams["split"],
        test_session=hparams["test_session"],
        split_seed=hparams["split_seed"],
        skip_prep=hparams["skip_prep"],
    )


def dataio_prep(hparams):
    """Datasets with waveform and emotion, in batches of bounded duration."""
    datasets = labelled_datasets(hparams, "emotion")
    return datasets, dynamic_loaders(datasets, hparams)


def about(hparams):
    """What the record says of the split: a random one is not comparable with speaker-independent folds."""
    fold = f"fold{hparams['test_session']}" if hparams["split"] == "session" else "random"
    return {"task": "er", "fold": fold}


RECIPE = Recipe(EmotionBrain, prepare, dataio_prep, about=about)

if __name__ == "__main__":
    sys.exit(RECIPE.main(sys.argv[1:]))
