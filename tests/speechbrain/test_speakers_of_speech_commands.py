"""Speakers of Speech Commands: who is drawn, how their clips are shared out, and that the recipe learns them."""

from __future__ import annotations

import csv
from collections import defaultdict

import pytest

from s3prl_convexprune.errors import ConfigError, CorpusError
from s3prl_convexprune.experiments.finetuned.comparison import make_comparison
from tests.speechbrain.conftest import load_recipe

GIVEN = {"speakers": 3, "train_clips": 6, "valid_clips": 2, "test_clips": 3}


def manifest(folder):
    return {split: list(csv.DictReader((folder / f"{split}.csv").open())) for split in ("train", "valid", "test")}


def draw(corpora, folder, **changed):
    """What the recipe's first step writes, without a model."""
    common = {
        "corpus": "speech_commands",
        "data_folder": corpora["sid_commands"],
        "data_seed": 1986,
        "skip_prep": False,
    }
    load_recipe("sid").prepare({**common, **GIVEN, "manifest_folder": folder, **changed})
    return manifest(folder)


def test_the_recipe_learns_the_speakers(train, corpora, tmp_path):
    folder = corpora["sid_commands"]
    record = train(
        "sid", hparams="speech_commands.yaml", data_folder=folder, **GIVEN, out_n_neurons=3, number_of_epochs=5
    )
    assert record.task == "sid" and len(record.epochs) == 5
    assert record.epochs[-1].train_loss < record.epochs[0].train_loss * 0.8
    assert manifest(tmp_path / "run" / "manifests") == draw(corpora, tmp_path / "again")


def test_no_speaker_says_a_tested_word_in_train(corpora, tmp_path):
    rows = draw(corpora, tmp_path)
    words = defaultdict(lambda: defaultdict(set))
    for split, count in (("train", 6), ("valid", 2), ("test", 3)):
        speakers = [row["speaker"] for row in rows[split]]
        assert len(set(speakers)) == 3 and all(speakers.count(speaker) == count for speaker in speakers)
        for row in rows[split]:
            words[row["speaker"]][split].add(row["ID"].split("/")[0])
    for said in words.values():
        assert not said["test"] & (said["train"] | said["valid"]) and not said["train"] & said["valid"]
    assert draw(corpora, tmp_path, data_seed=7) != rows


@pytest.mark.parametrize(
    ("changed", "kind", "reason"),
    [
        ({"speakers": 9}, CorpusError, r"has 4 speakers with 6 \+ 2 \+ 3 clips of different words; 9 are asked for"),
        ({"train_clips": 12}, CorpusError, "has 0 speakers"),
        ({"test_clips": 0}, ConfigError, "1 clip a split"),
        ({"speakers": 1}, ConfigError, "at least 2 speakers"),
        ({"data_folder": "nowhere"}, CorpusError, "is not a folder"),
    ],
)
def test_what_cannot_be_drawn_is_said(changed, kind, reason, corpora, tmp_path):
    with pytest.raises(kind, match=reason):
        draw(corpora, tmp_path, **changed)


def test_finetune_finds_a_variant_by_its_name(tmp_path):
    def plan(**given):
        return make_comparison(("hubert",), given.pop("task", "sid"), tmp_path / "out", tmp_path, **given)

    assert plan(variant="speech_commands").hparams.name == "speech_commands.yaml"
    assert plan().hparams.name == "voxceleb1.yaml"
    ks = plan(task="ks", variant="v1_12")
    assert ks.command(ks.cells[0])[2].endswith("KS/hparams/v1_12.yaml")
    with pytest.raises(ConfigError, match="did you mean 'speech_commands'"):
        plan(variant="speech_command")
    with pytest.raises(ConfigError, match="one of a variant and a hyperparameter file"):
        plan(variant="voxceleb1", hparams=tmp_path / "x.yaml")
