"""SpeechBrain datasets of the prepared manifests, and how their utterances are put into batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import speechbrain as sb
from speechbrain.dataio.dataio import read_audio
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.dataio.sampler import DynamicBatchSampler, ReproducibleWeightedRandomSampler
from torch import Tensor

from ..errors import ConfigError
from .manifests import SPLITS


def load_datasets(
    manifest_folder: str | Path, data_folder: str | Path, sample_rate: int
) -> dict[str, DynamicItemDataset]:
    """The datasets `train`, `valid` and `test`, each with the item `sig`: one channel at `sample_rate`, `[samples]`."""
    normalise = AudioNormalizer(sample_rate=sample_rate)

    @sb.utils.data_pipeline.takes("wav", "start", "stop", "rate")
    @sb.utils.data_pipeline.provides("sig")
    def audio_pipeline(wav: str, start: str, stop: str, rate: str) -> Tensor:
        return normalise(read_audio({"file": wav, "start": int(start), "stop": int(stop)}), int(rate))

    datasets = {
        split: DynamicItemDataset.from_csv(
            csv_path=str(Path(manifest_folder) / f"{split}.csv"), replacements={"data_root": data_folder}
        )
        for split in SPLITS
    }
    sb.dataio.dataset.add_dynamic_item(datasets.values(), audio_pipeline)
    return datasets


def labelled_datasets(hparams: Mapping[str, Any], label: str) -> dict[str, DynamicItemDataset]:
    """The datasets of a recipe that tells classes apart, with the items `sig` and `label_encoded`.

    Args:
        hparams: the recipe's: folders, sample rate, the encoder and its file, the head's outputs.
        label: the manifests' column with the classes.

    Raises:
        ConfigError: there are more classes than outputs.
    """
    datasets = load_datasets(hparams["manifest_folder"], hparams["data_folder"], hparams["sample_rate"])
    encode_labels(datasets, label, hparams["label_encoder"], hparams["label_encoder_file"])
    check_outputs(len(hparams["label_encoder"]), hparams["out_n_neurons"])
    return datasets


def encode_labels(
    datasets: Mapping[str, DynamicItemDataset], label: str, encoder: CategoricalEncoder, path: str | Path
) -> None:
    """Number train's labels, give every dataset the item `label_encoded`, and write the encoder beside the checkpoints.

    Classes are numbered in alphabetical order, so that every process and every run agrees.
    """
    encoder.update_from_iterable(sorted({row[label] for row in datasets["train"].data.values()}))
    encoder.expect_len(len(encoder))

    @sb.utils.data_pipeline.takes(label)
    @sb.utils.data_pipeline.provides("label_encoded")
    def label_pipeline(value: str) -> Tensor:
        return encoder.encode_label_torch(value)

    sb.dataio.dataset.add_dynamic_item(datasets.values(), label_pipeline)
    sb.dataio.dataset.set_output_keys(datasets.values(), ["id", "sig", "label_encoded"])
    save_encoder(encoder, path)


def save_encoder(encoder: CategoricalEncoder, path: str | Path) -> None:
    """Write an encoder where inference finds it; runs on the main process."""
    if sb.utils.distributed.if_main_process():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        encoder.save(path)


def check_outputs(labels: int, outputs: int) -> None:
    """Refuse a head with fewer outputs than there are labels; spare outputs stay unused.

    Raises:
        ConfigError: the head is too small; the message says what to write.

    >>> check_outputs(35, 35)
    """
    if labels > outputs:
        raise ConfigError(f"train has {labels} labels and the head {outputs} outputs: write --out_n_neurons={labels}")


def dynamic_batches(dataset: DynamicItemDataset, longest: float | None = None, **options: Any) -> DynamicBatchSampler:
    """Batches of bounded total duration, of utterances of like length.

    Args:
        dataset: rows with `duration` in seconds.
        longest: seconds at which the recipe crops, None for never.
        **options: SpeechBrain's `DynamicBatchSampler`: `max_batch_length` (seconds), `num_buckets`, `max_batch_ex`, ...
    """
    durations = [min(row["duration"], longest or float("inf")) for row in dataset.data.values()]
    return DynamicBatchSampler(dataset, lengths_list=durations, **options)


def dynamic_loaders(
    datasets: Mapping[str, DynamicItemDataset], hparams: Mapping[str, Any], longest_in_train: float | None = None
) -> dict[str, dict[str, Any]]:
    """What every dataset's loader takes, of a recipe whose batches are of bounded duration.

    Args:
        datasets: those of `load_datasets`.
        hparams: `num_workers`, and options of `dynamic_batches` in `dynamic_batch_sampler_train` and, for valid and
            test, `dynamic_batch_sampler_valid`.
        longest_in_train: seconds at which the recipe crops what it trains on, None for never.
    """

    def loader(split: str, options: str, longest: float | None = None) -> dict[str, Any]:
        batches = dynamic_batches(datasets[split], longest, **hparams[options])
        return {"batch_sampler": batches, "num_workers": hparams["num_workers"]}

    return {
        "train": loader("train", "dynamic_batch_sampler_train", longest_in_train),
        "valid": loader("valid", "dynamic_batch_sampler_valid"),
        "test": loader("test", "dynamic_batch_sampler_valid"),
    }


def class_balanced(dataset: DynamicItemDataset, label: str, seed: int) -> ReproducibleWeightedRandomSampler:
    """As many draws as utterances, with replacement, every class equally likely (as s3prl's KS recipe trains)."""
    labels = [row[label] for row in dataset.data.values()]
    count = Counter(labels)
    weights = [1.0 / count[value] for value in labels]
    return ReproducibleWeightedRandomSampler(weights, num_samples=len(labels), replacement=True, seed=seed)
