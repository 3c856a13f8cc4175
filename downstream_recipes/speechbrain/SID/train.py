#!/usr/bin/env python3
"""Speaker identification on VoxCeleb1 or Speech Commands with an s3prl upstream, whole or cut, fine-tuned end to end.

> python train.py hparams/voxceleb1.yaml --data_folder=/path/to/VoxCeleb1 --upstream=hubert
> python train.py hparams/voxceleb1.yaml --data_folder=/path/to/VoxCeleb1 --upstream=hubert_convexpruned_L4
> python train.py hparams/speech_commands.yaml --data_folder=/path/to/speech_commands_v0.02 --upstream=hubert
"""

import random
import sys

import speechbrain as sb
import torch
from speech_commands_speakers_prepare import prepare_speech_commands_speakers
from voxceleb_prepare import prepare_voxceleb

from s3prl_convexprune.speechbrain.classifier import UtteranceClassifier
from s3prl_convexprune.speechbrain.datasets import dynamic_loaders, labelled_datasets
from s3prl_convexprune.speechbrain.recipe import Recipe

# what makes the manifests of a corpus, and the hyperparameters that only it takes
PREPARERS = {
    "voxceleb1": (prepare_voxceleb, ("iden_split",)),
    "speech_commands": (
        prepare_speech_commands_speakers,
        ("speakers", "train_clips", "valid_clips", "test_clips", "data_seed"),
    ),
}


class SpeakerBrain(UtteranceClassifier):
    """One utterance, one speaker; trained on crops, tested on whole utterances (as SUPERB does)."""

    def waveforms(self, batch, stage):
        wavs, lens = batch.to(self.device).sig
        if stage == sb.Stage.TRAIN:
            wavs, lens = random_crop(wavs, lens, round(self.hparams.train_seconds * self.hparams.sample_rate))
            if self.hparams.wav_augment is not None:
                wavs, lens = self.hparams.wav_augment(wavs, lens)
        return wavs, lens


def random_crop(wavs, lens, most):
    """Cut each utterance longer than `most` samples to a random stretch of that length; pad again."""
    rows = []
    for wav, samples in zip(wavs, torch.round(lens * wavs.shape[1]).long().tolist(), strict=True):
        start = random.randint(0, max(0, samples - most))
        rows.append(wav[start : min(samples, start + most)])
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return padded, torch.tensor([len(row) / padded.shape[1] for row in rows], device=wavs.device)


def prepare(hparams):
    """Write the manifests of the corpus that the hyperparameters name."""
    preparer, keys = PREPARERS[hparams["corpus"]]
    preparer(
        data_folder=hparams["data_folder"],
        save_folder=hparams["manifest_folder"],
        skip_prep=hparams["skip_prep"],
        **{key: hparams[key] for key in keys},
    )


def dataio_prep(hparams):
    """Datasets with waveform and speaker, in batches of bounded duration."""
    datasets = labelled_datasets(hparams, "speaker")
    return datasets, dynamic_loaders(datasets, hparams, longest_in_train=hparams["train_seconds"])


RECIPE = Recipe(SpeakerBrain, prepare, dataio_prep, about=lambda hparams: {"task": "sid"})

if __name__ == "__main__":
    sys.exit(RECIPE.main(sys.argv[1:]))
