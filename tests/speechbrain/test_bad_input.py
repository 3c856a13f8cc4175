"""What cannot be trained is refused in one line before training starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import (
    AudioError,
    CheckpointError,
    ConfigError,
    CorpusError,
    DepthError,
    UnknownUpstreamError,
)
from s3prl_convexprune.speechbrain import PrunedUpstream
from s3prl_convexprune.speechbrain.manifests import prepare


@pytest.fixture
def broken(corpora, tmp_path):
    """A copy of a task's corpus, to break."""

    def copy(task: str) -> Path:
        return Path(shutil.copytree(corpora[task], tmp_path / "broken"))

    return copy


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


@pytest.mark.parametrize(
    ("task", "missing"),
    [("ks", "no Speech Commands files"), ("sid", "iden_split.txt"), ("er", "Session1"), ("asr", "train-clean-100")],
)
def test_a_data_folder_without_the_corpus(task, missing, train, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=missing):
        train(task, data_folder=tmp_path / "empty")


def test_a_label_in_test_that_train_never_saw(train, broken):
    folder = broken("ks")
    listed = [f"bed/{path.name}" for path in (folder / "bed").glob("*.wav")]
    (folder / "testing_list.txt").write_text("\n".join(listed))
    with pytest.raises(CorpusError, match="test has a word that train never has: 'bed'"):
        train("ks", data_folder=folder)


def test_a_character_in_test_that_train_never_saw(train, broken):
    folder = broken("asr")
    transcript = first(folder, "test-clean/*/*/*.trans.txt")
    transcript.write_text(transcript.read_text().replace("A", "Å"))
    with pytest.raises(CorpusError, match="test has a transcript that train never has: 'Å'"):
        train("asr", data_folder=folder)


@pytest.mark.parametrize("content", ["empty", "short", "garbage"])
def test_audio_that_no_upstream_can_take(content, train, broken):
    folder = broken("ks")
    path = first(folder, "yes/*.wav")
    if content == "garbage":
        path.write_bytes(b"not audio")
    else:
        soundfile.write(path, [0.0] * {"empty": 0, "short": 100}[content], 16000)
    with pytest.raises(AudioError, match=path.name):
        train("ks", data_folder=folder)


@pytest.mark.parametrize("ends", [("wav", "flac"), ("wav", "wav")])
def test_an_utterance_that_is_there_twice(ends, tmp_path):
    """A name is all that a recipe knows of it."""
    split = [utterance(tmp_path / f"a.{end}", word) for end, word in zip(ends, ("yes", "no"), strict=True)]
    other = [utterance(tmp_path / "b.wav", "yes"), utterance(tmp_path / "c.wav", "no")]
    with pytest.raises(CorpusError, match="train has two utterances named 'a', of "):
        prepare(tmp_path / "out", tmp_path, {"train": split, "valid": other, "test": other}, "word", {})
    assert not (tmp_path / "out").exists()


def test_segments_of_a_long_file_keep_their_names_apart(tmp_path):
    starts = (0.0, 1.0, 10000.12, 10000.14)
    rows = [utterance(tmp_path / "a.wav", "yn"[index % 2], start) for index, start in enumerate(starts)]
    prepare(tmp_path / "out", tmp_path, dict.fromkeys(("train", "valid", "test"), rows), "word", {})
    names = [line.split(",")[0] for line in (tmp_path / "out" / "train.csv").read_text().splitlines()[1:]]
    assert names == ["a@0", "a@1", "a@10000.12", "a@10000.14"]


def utterance(path: Path, word: str, start: float | None = None) -> Utterance:
    """Of a file of one second; a segment of one second of a file of hours."""
    seconds, rate = (1, 16000) if start is None else (10002, 100)
    if not path.exists():
        soundfile.write(path, np.zeros(seconds * rate, np.int16), rate)
    return Utterance(path, {"word": word}, start, None if start is None else start + 1)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"upstream": "hubret_custom"}, UnknownUpstreamError, "hubert_custom"),
        ({"upstream": "hubert_custom_convexpruned_L9"}, DepthError, "4 transformer layers"),
        ({"upstream_ckpt": "nowhere.pt"}, CheckpointError, "nowhere.pt"),
        ({"layer": 7}, DepthError, r"0\.\.4"),
        ({"layer": "fist"}, ConfigError, "last"),
        ({"batchsize": 3}, ConfigError, "batch_size"),
        ({"out_n_neurons": 2}, ConfigError, "--out_n_neurons=3"),
        ({"hparams": "v3.yaml"}, ConfigError, "v3.yaml"),
        ({"label": "wrod"}, ConfigError, "word"),
        ({"split": "speaker", "task": "er"}, ConfigError, "session"),
        ({"test_session": 6, "task": "er"}, ConfigError, "Session5"),
    ],
)
def test_settings(given, error, said, train):
    given = dict(given)
    with pytest.raises(error, match=said):
        train(given.pop("task", "ks"), **given)


def test_contradictions_in_the_lobe(checkpoint):
    path = checkpoint("hubert-post")
    with pytest.raises(ConfigError, match="output_all_hiddens"):
        PrunedUpstream("hubert_custom", ckpt=path, output_all_hiddens=True, layer=2)
    with pytest.raises(ConfigError, match="fbank has no convolutional"):
        PrunedUpstream("fbank", freeze_feature_extractor=True)
    lobe = PrunedUpstream("hubert_custom", ckpt=path)
    for wav, lens in ((torch.zeros(2, 8000), torch.tensor([1.0, 0.01])), (torch.zeros(1, 300), None)):
        with pytest.raises(AudioError, match="too short"):
            lobe(wav, lens)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-u", "hubret", "-t", "ks"], "hubert"),
        (["-u", "hubert", "-t", "kws"], "'ks'"),
        (["-u", "hubert", "-t", "ks", "--folds", "fold1"], "fold1"),
        (["-u", "hubert", "-t", "ks", "--override", "lr"], "KEY=VALUE"),
        (["-u", "hubert", "-t", "ks", "--device", "gpu"], "expected cpu, cuda"),
        (["-u", "hubert", "-t", "ks", "--data-folder", "nowhere"], "nowhere"),
    ],
)
def test_the_command_says_it_in_one_line(arguments, said, corpora, tmp_path, capsys):
    data = [] if "--data-folder" in arguments else ["--data-folder", str(corpora["ks"])]
    assert cli.main(["finetune", *arguments, *data, "-o", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("s3prl-convexprune: error: ") and said in message
    assert not (tmp_path / "out").exists()
