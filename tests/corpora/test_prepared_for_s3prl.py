"""What `prepare` writes is what s3prl's own classes and scripts read and write, task by task."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas
import pytest
import soundfile

from s3prl_convexprune import compat
from s3prl_convexprune.corpora.iemocap.meta_data import PUBLISHED, dialog_order
from s3prl_convexprune.corpora.prepare import prepare
from s3prl_convexprune.errors import CorpusError
from tests.corpora.test_prepare import MADE


def test_er_lists_the_same_utterances_as_s3prl(corpus):
    compat.apply()
    from s3prl.downstream.emotion import IEMOCAP_preprocess

    root = corpus("er")
    IEMOCAP_preprocess.main(str(root))
    theirs = {path: json.loads((root / path).read_text()) for path in MADE["er"]}
    shutil.rmtree(root / "meta_data")
    note = prepare("er", root).notes[0]
    for path, published in theirs.items():
        ours = json.loads((root / path).read_text())
        assert ours["labels"] == published["labels"]
        assert sorted(map(str, ours["meta_data"])) == sorted(map(str, published["meta_data"]))
        assert list(ours["meta_data"][0]) == list(published["meta_data"][0])
    assert "not as s3prl publishes them" in note


def test_er_order_does_not_depend_on_the_file_system(corpus, tmp_path):
    root = corpus("er")
    ours = {path.name: path.read_bytes() for path in prepare("er", root).files}
    shuffled = tmp_path / "again"
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and "meta_data" not in path.parts:
            (shuffled / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, shuffled / path.relative_to(root))
    assert {path.name: path.read_bytes() for path in prepare("er", shuffled).files} == ours


def test_er_dialogs_come_in_the_published_order(corpus):
    root = corpus("er")
    prepare("er", root)
    rows = json.loads((root / "meta_data/Session1/test_meta_data.json").read_text())["meta_data"]
    dialogs = list(dict.fromkeys(row["path"].split("/")[3] for row in rows))
    order = dialog_order()
    assert dialogs == sorted(dialogs, key=order.__getitem__) != sorted(dialogs)
    assert len(order) == 151
    assert sum(count for count, _ in PUBLISHED.values()) == 5531


def test_sid_list_is_what_s3prl_reads(corpus):
    compat.apply()
    from s3prl.downstream.voxceleb1.dataset import SpeakerClassifiDataset

    root = corpus("sid")
    (written,) = prepare("sid", root).files
    assert written.read_text() == (root / "iden_split.txt").read_text()
    for split, number in (("train", "1"), ("dev", "2"), ("test", "3")):
        dataset = SpeakerClassifiDataset(split, root, str(written))
        listed = [line.split()[1] for line in written.read_text().splitlines() if line.startswith(number)]
        assert ["/".join(Path(path).parts[-3:]) for path in dataset.dataset] == listed
        assert dataset.label == [int(name[2:7]) - 10001 for name in listed]


@pytest.mark.parametrize("line", ["1 id99999/v/00001.wav", "1 speaker/v/00001.wav", "7 id10001/v/00001.wav"])
def test_sid_list_with_a_foreign_line_is_refused(corpus, line):
    root = corpus("sid")
    with (root / "iden_split.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(CorpusError, match="iden_split.txt"):
        prepare("sid", root)


def test_asr_table_has_the_columns_and_order_of_s3prls_script(corpus):
    root = corpus("asr")
    prepare("asr", root)
    for subset in ("train-clean-100", "dev-clean", "test-clean"):
        files = sorted((root / subset).rglob("*.flac"))
        lengths = {str(path.relative_to(root)): soundfile.info(path).frames for path in files}
        names = sorted(lengths, key=lambda name: -lengths[name])
        frame = pandas.DataFrame({"file_path": names, "length": [lengths[name] for name in names], "label": None})
        assert (root / "len_for_bucket" / f"{subset}.csv").read_text() == frame.to_csv()


def test_asr_files_are_what_s3prl_reads(corpus):
    compat.apply()
    from s3prl.downstream.asr.dataset import SequenceDataset
    from s3prl.downstream.asr.dictionary import Dictionary

    root = corpus("asr")
    prepare("asr", root)
    dictionary = Dictionary.load(str(root / "char.dict"))
    assert len(dictionary) == 32
    assert dictionary.symbols[:6] == ["<s>", "<pad>", "</s>", "<unk>", "|", "E"]
    splits = {"train": ["train-clean-100"], "dev-clean": ["dev-clean"]}
    dataset = SequenceDataset("train", 2, dictionary, str(root), str(root / "len_for_bucket"), **splits)
    batched = [name for batch in dataset.X for name in batch]
    assert sorted(batched) == sorted(
        path.relative_to(root).as_posix() for path in (root / "train-clean-100").rglob("*.flac")
    )
    spoken = dict(
        line.split(" ", 1) for transcript in root.rglob("*.trans.txt") for line in transcript.read_text().splitlines()
    )
    for batch in range(len(dataset)):
        wavs, labels, names = dataset[batch]
        for wav, label, name in zip(wavs, labels, names, strict=True):
            assert dictionary.unk() not in label
            letters = dictionary.string(label.tolist()).replace(" ", "").replace("|", " ").strip()
            assert letters == spoken[name]
            assert len(wav) == soundfile.info(next(root.rglob(f"{name}.flac"))).frames


def test_asr_finished_tables_are_not_made_again_and_stale_ones_are_named(corpus):
    root = corpus("asr")
    prepare("asr", root)
    table = root / "len_for_bucket" / "dev-clean.csv"
    kept = table.read_text().replace("17600", "17601")  # a length that only a new reading would put right
    table.write_text(kept)
    (root / "len_for_bucket" / "test-clean.csv").unlink()
    prepare("asr", root)
    assert table.read_text() == kept
    assert (root / "len_for_bucket" / "test-clean.csv").is_file()
    next((root / "dev-clean").rglob("*0001.flac")).unlink()
    with pytest.raises(CorpusError, match="dev-clean.csv"):
        prepare("asr", root)


def test_asr_refuses_audio_that_s3prl_would_refuse(corpus):
    root = corpus("asr")
    path = next((root / "train-clean-100").rglob("*.flac"))
    wav, _ = soundfile.read(path)
    soundfile.write(path, wav, 8000)
    with pytest.raises(CorpusError, match="8000 Hz"):
        prepare("asr", root)
    path.write_bytes(b"fLaC")
    with pytest.raises(CorpusError, match="cannot be read"):
        prepare("asr", root)
