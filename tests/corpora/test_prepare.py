"""`prepare` makes what s3prl's own classes read, from corpora in their real layout, always the same."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import pandas
import pytest
import soundfile

from s3prl_convexprune import compat
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.iemocap.meta_data import PUBLISHED, dialog_order
from s3prl_convexprune.corpora.prepare import ENVIRONMENT, PREPARERS, find_prepared, prepare
from s3prl_convexprune.errors import ConfigError, CorpusError
from tests import tiny_corpora

MADE = {
    "er": {f"meta_data/Session{n}/{part}_meta_data.json" for n in range(1, 6) for part in ("train", "test")},
    "sid": {"veri_test_class.txt"},
    "asr": {"char.dict", *(f"len_for_bucket/{s}.csv" for s in ("train-clean-100", "dev-clean", "test-clean"))},
    "ks": set(),
}


BUILD = {
    "er": tiny_corpora.iemocap,
    "sid": tiny_corpora.voxceleb1,
    "asr": tiny_corpora.librispeech,
    "ks": functools.partial(tiny_corpora.speech_commands_archives, train=1, dev=1, test=0),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Every corpus once; tests that change one copy it."""
    return {task: BUILD[task](tmp_path_factory.mktemp(task)) for task in PREPARERS}


@pytest.fixture
def corpus(made, tmp_path):
    return lambda task: shutil.copytree(made[task], tmp_path / task)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("task", sorted(PREPARERS))
@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside the corpus", "--output"])
def test_makes_its_files_once_and_touches_nothing_else(corpus, tmp_path, task, elsewhere):
    root = corpus(task)
    before = snapshot(root)
    place = tmp_path / "made" if elsewhere else root
    prepared = prepare(task, root, place if elsewhere else None)
    assert {path.relative_to(place).as_posix() for path in prepared.files} == MADE[task]
    after = snapshot(root)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == (set() if elsewhere else MADE[task])
    ages = {path: path.stat().st_mtime_ns for path in prepared.files}
    assert prepare(task, root, place if elsewhere else None).files == prepared.files
    assert {path: path.stat().st_mtime_ns for path in prepared.files} == ages


@pytest.mark.parametrize("task", [task for task in sorted(PREPARERS) if MADE[task]])
def test_a_different_file_in_the_way_is_kept_and_named(corpus, task):
    root = corpus(task)
    victim = prepare(task, root).files[0]
    victim.write_text("mine\n")
    with pytest.raises(CorpusError, match=victim.name):
        prepare(task, root)
    assert victim.read_text() == "mine\n"


def test_place_that_cannot_be_written_asks_for_output(made, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="--output DIR"):
        prepare("asr", made["asr"], tmp_path / "file")


# task: what is taken away, what the message must name
MISSING = [
    ("er", "Session3", "Session3"),
    ("er", "Session2/dialog/EmoEvaluation", "Session2/dialog/EmoEvaluation"),
    ("er", "Session4/sentences", "Session4/sentences/wav"),
    ("sid", "iden_split.txt", "iden_split.txt"),
    ("sid", "test", "test/wav"),
    ("sid", "dev/wav/id10001/vid-1_0000/00002.wav", "id10001/vid-1_0000/00002.wav"),
    ("asr", "dev-clean", "dev-clean"),
    ("asr", "train-clean-100/19/190/19-190.trans.txt", "19-190.trans.txt"),
    ("ks", "speech_commands_v0.01/left", "left"),
    ("ks", "speech_commands_v0.01/bed", "_unknown_"),
    ("ks", "speech_commands_v0.01/_background_noise_", "_background_noise_"),
    ("ks", "speech_commands_test_set_v0.01", "--test-root"),
    ("ks", "speech_commands_test_set_v0.01/_silence_", "_silence_"),
]


@pytest.mark.parametrize(("task", "piece", "named"), MISSING)
def test_first_missing_piece_is_named(corpus, task, piece, named):
    root = corpus(task)
    target = root / piece
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(CorpusError, match=named):
        prepare(task, root)
    assert not any((root / name).exists() for name in MADE[task])


def test_wrong_task_and_wrong_root(tmp_path):
    with pytest.raises(ConfigError, match="expected one of asr, er, ks, sid"):
        prepare("emotion", tmp_path)
    with pytest.raises(CorpusError, match="nowhere"):
        prepare("er", tmp_path / "nowhere")


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


def test_prepared_files_are_found_in_the_corpus_or_where_the_variable_says(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    environ = {ENVIRONMENT: str(elsewhere)}
    assert find_prepared(root, "char.dict", environ) == root / "char.dict"
    (elsewhere / "char.dict").write_text("")
    assert find_prepared(root, "char.dict", environ) == elsewhere / "char.dict"
    assert find_prepared(root, "char.dict", {}) == root / "char.dict"


def test_the_command_prints_files_notes_and_what_to_export(corpus, capsys, tmp_path):
    root = corpus("sid")
    assert main(["prepare", "sid", "--root", str(root), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert f"{tmp_path}/out/veri_test_class.txt" in printed
    assert f"export S3PRL_CONVEXPRUNE_DATA_VOXCELEB1='{root}'" in printed
    assert f"export {ENVIRONMENT}='{tmp_path}/out'" in printed


def test_the_command_explains_in_one_line(made, capsys, tmp_path):
    assert main(["prepare", "asr", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("s3prl-convexprune: error: ") and "train-clean-100" in error
    assert error.count("\n") == 1
