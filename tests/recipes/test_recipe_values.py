"""The shipped recipes state SUPERB's protocol, and leave open exactly the paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

RECIPES = Path(__file__).parents[2] / "downstream_recipes" / "s3prl"

# name: optimizer updates, accumulation, gradient clipping, optimizer, lr, evaluated while training
TRAINING = {
    "asr": (200_000, 1, 1, "Adam", 1e-4, ["dev-clean"]),
    "sid": (200_000, 4, 1, "Adam", 1e-4, ["dev", "test"]),
    "ks": (200_000, 1, 1, "Adam", 1e-4, ["dev", "test"]),
    "er": (30_000, 8, 1, "Adam", 1e-4, ["dev", "test"]),
    "ic": (200_000, 1, 1, "Adam", 1e-4, ["dev", "test"]),
    "asv": (200_000, 5, 1000, "AdamW", 1e-4, []),
    "sd": (30_000, 4, 1, "Adam", 1e-4, ["dev"]),
}

# name: what else the protocol fixes, by its place under `downstream_expert`
PROTOCOL: dict[str, dict[str, Any]] = {
    "asr": {
        "datarc.train": ["train-clean-100"],
        "datarc.dev-clean": ["dev-clean"],
        "datarc.test-clean": ["test-clean"],
        "datarc.batch_size": 32,
        "datarc.eval_batch_size": 1,
        "datarc.zero_infinity": True,
        "datarc.decoder_args.decoder_type": "None",
        "modelrc.project_dim": 1024,
        "modelrc.select": "RNNs",
        "modelrc.RNNs.module": "LSTM",
        "modelrc.RNNs.bidirection": True,
        "modelrc.RNNs.dim": [1024, 1024],
        "modelrc.RNNs.dropout": [0.2, 0.2],
        "modelrc.RNNs.total_rate": -1,
    },
    "sid": {
        "datarc.train_batch_size": 8,
        "datarc.eval_batch_size": 1,
        "datarc.max_timestep": 128_000,
        "modelrc.projector_dim": 256,
        "modelrc.select": "UtteranceLevel",
        "modelrc.UtteranceLevel.pooling": "MeanPooling",
    },
    "ks": {
        "datarc.batch_size": 32,
        "modelrc.projector_dim": 256,
        "modelrc.select": "UtteranceLevel",
        "modelrc.UtteranceLevel.pooling": "MeanPooling",
    },
    "er": {
        "datarc.test_fold": "fold1",
        "datarc.valid_ratio": 0.2,
        "datarc.train_batch_size": 4,
        "datarc.eval_batch_size": 4,
        "modelrc.projector_dim": 256,
        "modelrc.select": "UtteranceLevel",
        "modelrc.UtteranceLevel.pooling": "MeanPooling",
    },
    "ic": {
        "datarc.train_batch_size": 32,
        "datarc.eval_batch_size": 32,
        "modelrc.projector_dim": 256,
        "modelrc.select": "UtteranceLevel",
        "modelrc.UtteranceLevel.pooling": "MeanPooling",
    },
    "asv": {
        "datarc.vad_config.min_sec": 32_000,
        "datarc.max_timestep": 128_000,
        "datarc.train_batch_size": 10,
        "datarc.eval_batch_size": 1,
        "modelrc.module": "XVector",
        "modelrc.agg_module": "SP",
        "modelrc.ObjectiveLoss": "AMSoftmaxLoss",
        "modelrc.LossConfig.AMSoftmaxLoss": {"s": 30.0, "m": 0.4},
    },
    "sd": {
        "datarc.num_speakers": 2,
        "datarc.chunk_size": 2000,
        "datarc.rate": 16_000,
        "loaderrc.train_batchsize": 8,
        "loaderrc.eval_batchsize": 1,
        "modelrc.rnn_layers": 1,
        "modelrc.hidden_size": 512,
    },
    "qbe": {
        "feature_normalization": True,
        "datarc.batch_size": 1,
        "dtwrc.dist_method": "cosine_exp",
        "dtwrc.step_pattern": "asymmetric",
        "dtwrc.subsequence": True,
    },
}

# name: all keys left null (frame_shift, max_workers and silence_frame are null in s3prl's own files too)
OPEN = {
    "asr": {
        "datarc.libri_root",
        "datarc.bucket_file",
        "datarc.dict_path",
        "datarc.decoder_args.kenlm_model",
        "datarc.decoder_args.lexicon",
    },
    "sid": {"datarc.file_path", "datarc.meta_data"},
    "ks": {"datarc.speech_commands_root", "datarc.speech_commands_test_root"},
    "er": {"datarc.root", "datarc.meta_data"},
    "ic": {"datarc.file_path"},
    "asv": {"datarc.file_path", "datarc.train_meta_data", "datarc.dev_meta_data", "datarc.test_meta_data"},
    "sd": {"loaderrc.train_dir", "loaderrc.dev_dir", "loaderrc.test_dir", "datarc.frame_shift"},
    "qbe": {"datarc.dataset_root", "max_workers", "silence_frame"},
}


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((RECIPES / f"{name}.yaml").read_text())


def leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def at(tree: dict[str, Any], place: str) -> Any:
    for key in place.split("."):
        tree = tree[key]
    return tree


def test_every_recipe_is_in_the_tables():
    assert {path.stem for path in RECIPES.glob("*.yaml")} == set(PROTOCOL) == set(OPEN)


@pytest.mark.parametrize("name", sorted(TRAINING))
def test_training_schedule(name):
    recipe = load(name)
    runner, optimizer = recipe["runner"], recipe["optimizer"]
    found = (
        runner["total_steps"],
        runner["gradient_accumulate_steps"],
        runner["gradient_clipping"],
        optimizer["torch_optim_name"],
        optimizer["lr"],
        runner["eval_dataloaders"],
    )
    assert found == TRAINING[name]
    assert isinstance(optimizer["lr"], float)  # `1e-4` without a dot is a string in YAML 1.1


@pytest.mark.parametrize("name", sorted(PROTOCOL))
def test_expert_protocol(name):
    expert = load(name)["downstream_expert"]
    assert {place: at(expert, place) for place in PROTOCOL[name]} == PROTOCOL[name]


@pytest.mark.parametrize("name", sorted(OPEN))
def test_open_values_are_the_paths_alone(name):
    flat = leaves(load(name)["downstream_expert"])
    assert {place for place, value in flat.items() if value is None} == OPEN[name]
    assert not [value for value in flat.values() if isinstance(value, str) and "/" in value]


def test_only_asr_masks_features_and_none_schedules_the_rate():
    recipes = {name: load(name) for name in PROTOCOL}
    assert [name for name, recipe in recipes.items() if "specaug" in recipe] == ["asr"]
    assert not [name for name, recipe in recipes.items() if "scheduler" in recipe]
