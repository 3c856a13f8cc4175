"""The four recipes end to end: real Brain, Checkpointer, DataIO and dynamic batching, on tones."""

from __future__ import annotations

import csv

import pytest

from s3prl_convexprune.results.predictions import read_predictions
from s3prl_convexprune.speechbrain.record import Record
from s3prl_convexprune.tasks.table import TASKS

CHANCE = {"ks": 100 * 2 / 3, "sid": 100 * 2 / 3, "er": 75.0}


@pytest.mark.parametrize("upstream", ["hubert_custom", "hubert_custom_convexpruned_L2"])
@pytest.mark.parametrize("task", ["ks", "sid", "er"])
def test_classifiers_learn(task, upstream, train):
    record = train(task, upstream=upstream, number_of_epochs=6, lr=0.01)
    assert record.layers == (2 if upstream.endswith("L2") else 4)
    assert len(record.epochs) == 6
    assert record.epochs[-1].train_loss < record.epochs[0].train_loss * 0.7
    assert record.test["error_rate"] < CHANCE[task] / 2


@pytest.mark.parametrize("upstream", ["hubert_custom", "hubert_custom_convexpruned_L2"])
def test_asr_loss_falls(upstream, train):
    losses = [epoch.train_loss for epoch in train("asr", upstream=upstream, number_of_epochs=5).epochs]
    assert losses[-1] < losses[0] / 1.5


@pytest.mark.parametrize("task", ["ks", "er", "asr"])
def test_the_answers_are_in_s3prls_files_and_give_the_same_score(task, train, tmp_path):
    record = train(task, number_of_epochs=1)
    row = TASKS[task]
    predictions = read_predictions(tmp_path / "run", row, row.evaluate_split, record.fold)
    expected = record.test["WER"] if task == "asr" else 100 - record.test["error_rate"]
    assert predictions.score(row) == pytest.approx(expected, abs=1e-4)
    with (tmp_path / "run" / "manifests" / "test.csv").open() as file:
        assert sorted(predictions.utterances) == sorted(line["ID"] for line in csv.DictReader(file))


def test_twelve_classes_take_the_official_test_archive(train, corpora, tmp_path):
    train("ks", hparams="v1_12.yaml", test_data_folder=corpora["ks_test"], number_of_epochs=1)
    manifests = tmp_path / "run" / "manifests"
    read = {split: list(csv.DictReader((manifests / f"{split}.csv").open())) for split in ("train", "test")}
    assert {row["keyword"] for row in read["test"]} == {"yes", "no", "_unknown_", "_silence_"}
    silence = [row for row in read["train"] if row["keyword"] == "_silence_"]
    assert [(row["start"], row["stop"]) for row in silence] == [("0", "16000"), ("16000", "32000"), ("32000", "48000")]


def test_sessions_hold_their_speakers_out_and_random_splits_do_not(train, tmp_path):
    def speakers(split: str) -> set[str]:
        with (tmp_path / "run" / "manifests" / f"{split}.csv").open() as file:
            return {line["speaker"] for line in csv.DictReader(file)}

    assert train("er", test_session=3, number_of_epochs=1).fold == "fold3"
    assert speakers("test") == {"Ses03F", "Ses03M"} and not speakers("test") & (speakers("train") | speakers("valid"))
    assert train("er", split="random", number_of_epochs=1).fold == "random"
    assert speakers("test") & speakers("train")


@pytest.mark.parametrize("setting", [{"precision": "bf16"}, {"debug": True}, {"freeze": True}, {"layer": "weighted"}])
def test_run_options(setting, train):
    record = train("ks", **setting)
    assert record.precision == setting.get("precision", "fp32")
    assert len(record.epochs) == (2 if "debug" in setting else 3)


def test_every_upstream_gets_the_same_head_data_and_augmentation(train, tmp_path):
    """A cut that keeps all layers is the whole upstream; its name on the command line must change nothing else."""
    runs = [
        train("sid", upstream=name, output_folder=tmp_path / name, number_of_epochs=2)
        for name in ("hubert_custom", "hubert_custom_convexpruned_L4")
    ]
    assert [epoch.train_loss for epoch in runs[0].epochs] == [epoch.train_loss for epoch in runs[1].epochs]
    assert runs[0].manifests == runs[1].manifests
    assert Record.read(tmp_path / "hubert_custom" / "record.json") == runs[0]
