"""`prepare` makes its files once, names the first missing piece, and touches nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.prepare import ENVIRONMENT, PREPARERS, find_prepared, prepare
from s3prl_convexprune.errors import ConfigError, CorpusError

MADE = {
    "er": {f"meta_data/Session{n}/{part}_meta_data.json" for n in range(1, 6) for part in ("train", "test")},
    "sid": {"veri_test_class.txt"},
    "asr": {"char.dict", *(f"len_for_bucket/{s}.csv" for s in ("train-clean-100", "dev-clean", "test-clean"))},
    "ks": set(),
}


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
