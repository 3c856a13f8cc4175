"""Each reader finds every utterance in its corpus's real layout, with its labels, speaker and split."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
import soundfile

from s3prl_convexprune import compat
from s3prl_convexprune.corpora import CORPORA, read_corpus
from s3prl_convexprune.corpora import speech_commands as speech_commands_reader
from s3prl_convexprune.corpora.manifest import with_label
from s3prl_convexprune.errors import CorpusError
from tests import tiny_corpora

from . import forced_alignments


@pytest.fixture(scope="module")
def speech_commands(tmp_path_factory):
    root = tiny_corpora.speech_commands(tmp_path_factory.mktemp("sc"), words=("yes", "no", "bed"))
    (root / "_background_noise_" / "README.md").write_text("noise\n")
    return root


@pytest.fixture(scope="module")
def voxceleb1(tmp_path_factory):
    return tiny_corpora.voxceleb1(tmp_path_factory.mktemp("vox"))


@pytest.fixture(scope="module")
def iemocap(tmp_path_factory):
    """With the other annotators' lines, and the label files of single annotators, which do not count."""
    root = tiny_corpora.iemocap(tmp_path_factory.mktemp("ie"))
    for path in list(root.glob("Session*/dialog/EmoEvaluation/*.txt")):
        others = "C-E2:\tNeutral;\t()\nC-F1:\tNeutral;\t(curious)\nA-E3:\tval 3; act 2; dom  2;\t()\n"
        path.write_text(path.read_text().replace("C-E2:\tNeutral;\t()\n", others))
        (path.parent / "Categorical").mkdir(exist_ok=True)
        (path.parent / "Categorical" / f"{path.stem}_e2_cat.txt").write_text("not a label file of ours\n")
    return root


def count(rows, label):
    return Counter(row.labels.get(label) for row in rows)


def test_speech_commands_words_and_speakers(speech_commands):
    rows = read_corpus("speech_commands", "word", speech_commands)
    assert count(rows, "word") == {"yes": 10, "no": 10, "bed": 10}
    assert Counter(row.split for row in rows) == {"train": 18, "dev": 6, "test": 6}
    assert all(row.speaker == row.labels["speaker"] == row.path.name.split("_")[0] for row in rows)
    splits_of_speaker = {(row.speaker, row.split) for row in rows}
    assert len(splits_of_speaker) == len({row.speaker for row in rows})


def test_speech_commands_keywords_have_unknown_and_silence(speech_commands):
    rows = read_corpus("speech_commands", "keyword", speech_commands)
    assert count(rows, "keyword") == {"yes": 10, "no": 10, "_unknown_": 10, "_silence_": 3}
    silence = [row for row in rows if row.labels["keyword"] == "_silence_"]
    assert [(row.start, row.end) for row in silence] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert all(row.end <= soundfile.info(row.path).duration for row in silence)
    assert len({row.speaker for row in silence}) == 1 and all(row.speaker for row in rows)  # so that errors count them


def test_speech_commands_official_lists_win_over_the_hash(speech_commands, tmp_path):
    root = shutil.copytree(speech_commands, tmp_path / "sc")
    by_hash = read_corpus("speech_commands", "word", root)
    moved = next(row for row in by_hash if row.split == "train")
    name = f"{moved.path.parent.name}/{moved.path.name}"
    (root / "validation_list.txt").write_text(f"{name}\n")
    (root / "testing_list.txt").write_text("")
    by_list = speech_commands_reader.read(root, "word")
    assert {row.path for row in by_list if row.split == "dev"} == {moved.path}
    assert Counter(row.split for row in by_list) == {"train": 29, "dev": 1}


def test_speech_commands_test_archive_is_refused(tmp_path):
    root = tiny_corpora.speech_commands_test(tmp_path)
    with pytest.raises(CorpusError, match="test archive"):
        read_corpus("speech_commands", "word", root)


def test_voxceleb1_takes_the_published_split(voxceleb1):
    rows = read_corpus("voxceleb1", "speaker", voxceleb1)
    found = {f"{row.path.parent.parent.name}/{row.path.parent.name}/{row.path.name}": row.split for row in rows}
    names = {"1": "train", "2": "dev", "3": "test"}
    lines = (voxceleb1 / "iden_split.txt").read_text().split()
    assert found == {name: names[number] for number, name in zip(lines[::2], lines[1::2], strict=True)}
    assert count(rows, "speaker") == {"id10001": 6, "id10002": 6, "id10003": 6}


def test_voxceleb1_under_one_folder_without_a_list(voxceleb1, tmp_path):
    for part in ("dev", "test"):
        shutil.copytree(voxceleb1 / part / "wav", tmp_path / "wav", dirs_exist_ok=True)
    rows = read_corpus("voxceleb1", "speaker", tmp_path)
    assert len(rows) == 18
    assert {row.split for row in rows} == {None}


@pytest.mark.parametrize("line", ["4 id10001/a/00001.wav", "1", "id10001/a/00001.wav 1", "1 id10001/00001.wav"])
def test_voxceleb1_damaged_list_names_the_line(voxceleb1, tmp_path, line):
    root = shutil.copytree(voxceleb1, tmp_path / "vox")
    (root / "iden_split.txt").write_text(f"1 id10001/vid-0_0000/00001.wav\n{line}\n")
    with pytest.raises(CorpusError, match="line 2"):
        read_corpus("voxceleb1", "speaker", root)


def test_iemocap_emotions(iemocap):
    rows = with_label(read_corpus("iemocap", "emotion", iemocap), "emotion")
    assert count(rows, "emotion") == {"neu": 20, "hap": 40, "ang": 20, "sad": 20}


def test_iemocap_speaker_is_who_speaks_not_whose_dialog(iemocap):
    rows = read_corpus("iemocap", "speaker", iemocap)
    assert count(rows, "speaker") == {f"Ses0{session}{gender}": 14 for session in range(1, 6) for gender in "FM"}
    assert count(rows, "session") == {f"Session{session}": 28 for session in range(1, 6)}
    assert all(row.path.stem.split("_")[-1][0] == row.speaker[-1] for row in rows)


def test_iemocap_without_audio_for_its_labels(iemocap, tmp_path):
    shutil.copytree(iemocap / "Session1" / "dialog", tmp_path / "Session1" / "dialog")
    with pytest.raises(CorpusError, match="sentences/wav"):
        read_corpus("iemocap", "emotion", tmp_path)


@pytest.mark.parametrize("name", sorted(name for name, corpus in CORPORA.items() if not corpus.shipped))
def test_a_folder_of_something_else_is_refused(name, tmp_path):
    with pytest.raises(CorpusError, match=str(tmp_path)):
        read_corpus(name, CORPORA[name].labels[0], tmp_path)


@pytest.mark.parametrize("name", sorted(name for name, corpus in CORPORA.items() if not corpus.shipped))
def test_every_label_on_offer_has_classes_to_compare(name, request, tmp_path):
    root = request.getfixturevalue(name)
    options = {"alignments": forced_alignments.textgrids(root, tmp_path)} if name == "librispeech" else {}
    for label in CORPORA[name].labels:
        rows = with_label(read_corpus(name, label, root, **(options if label != "speaker" else {})), label)
        assert len({row.labels[label] for row in rows}) >= 2
        assert all(row.path.is_file() for row in rows)


def test_a_class_of_one_is_left_out_and_said(tmp_path, caplog):
    root = tiny_corpora.speech_commands(tmp_path / "sc", words=("yes", "no"), takes=1)
    alone = next(row.speaker for row in read_corpus("speech_commands", "speaker", root) if row.split == "train")
    next((root / "yes").glob(f"{alone}*")).unlink()
    rows = read_corpus("speech_commands", "speaker", root)
    assert alone not in count(rows, "speaker")
    assert set(count(rows, "speaker").values()) == {2}
    assert "1 of 5 classes of 'speaker' left out" in caplog.text
    assert alone in count(read_corpus("speech_commands", "word", root), "speaker")


def test_root_comes_from_the_environment(voxceleb1, monkeypatch):
    monkeypatch.setenv("S3PRL_CONVEXPRUNE_DATA_VOXCELEB1", str(voxceleb1))
    assert read_corpus("voxceleb1", "speaker") == read_corpus("voxceleb1", "speaker", voxceleb1)


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("speech_command", "word", "did you mean 'speech_commands'"),
        ("voxceleb1", "word", "expected one of speaker"),
        ("iemocap", "emotions", "did you mean 'emotion'"),
        ("iemocap", "emotion", "S3PRL_CONVEXPRUNE_DATA_IEMOCAP"),
    ],
)
def test_wrong_names_get_the_nearest_right_one(name, label, message, monkeypatch):
    monkeypatch.delenv("S3PRL_CONVEXPRUNE_DATA_IEMOCAP", raising=False)
    with pytest.raises(CorpusError, match=message):
        read_corpus(name, label)


def test_speech_commands_hash_split_is_s3prls(speech_commands):
    compat.apply()
    from s3prl.downstream.speech_commands.expert import split_dataset

    train, dev = split_dataset(speech_commands)
    rows = read_corpus("speech_commands", "word", speech_commands)
    for split, pairs in (("train", train), ("dev", dev)):
        assert {(row.labels["word"], row.path) for row in rows if row.split == split} == set(pairs)


def test_demo_corpus_styles_are_also_called_emotions():
    rows = read_corpus("demo", "emotion")
    assert rows == read_corpus("demo", "style")
    assert all(row.path.is_file() and row.labels.get("emotion") == row.labels.get("style") for row in rows)
    for label in CORPORA["demo"].labels:
        assert len({row.labels[label] for row in with_label(rows, label)}) >= 4
