"""Hugging Face datasets on this disk, as `datasets` writes them, become utterances."""

from __future__ import annotations

import json

import datasets
import pytest

from s3prl_convexprune.corpora import open_corpus
from s3prl_convexprune.errors import CorpusError
from tests.corpora.kept import SPEAKERS, WORDS, content

pytestmark = pytest.mark.usefixtures("cache")


def dataset(audio, how: str) -> datasets.Dataset:
    sound = [str(path) if how == "paths" else {"bytes": path.read_bytes(), "path": path.name} for path in audio]
    table = datasets.Dataset.from_dict(
        {"audio": sound, "word": list(WORDS), "speaker_id": [int(name == "bert") for name in SPEAKERS]}
    )
    table = table.cast_column("audio", datasets.Audio(decode=False))
    return table.cast_column("word", datasets.ClassLabel(names=["no", "yes"]))


@pytest.mark.parametrize("how", ["bytes", "paths"])
@pytest.mark.parametrize("form", ["saved", "saved in splits", "parquet", "parquet in splits"])
def test_huggingface_datasets(form, how, audio, tmp_path):
    table, path = dataset(audio, how), tmp_path / "set"
    if form == "saved":
        table.save_to_disk(path)
    elif form == "saved in splits":
        datasets.DatasetDict({"train": table, "validation": table}).save_to_disk(path)
    elif form == "parquet":
        path = tmp_path / "set.parquet"
        table.to_parquet(path)
    else:
        (path / "data").mkdir(parents=True)
        for split in ("train", "validation"):
            table.to_parquet(path / "data" / f"{split}-00000-of-00001.parquet")
    rows = open_corpus(str(path), "word")
    parts = ["train", "dev"] if "splits" in form else [None]
    assert sorted({str(row.split) for row in rows}) == sorted(map(str, parts))
    for split in parts:
        part = [row for row in rows if row.split == split]
        assert [row.labels["word"] for row in part] == list(WORDS)
        assert [row.speaker for row in part] == [row.labels["speaker"] for row in part] == ["0", "0", "1", "1"]
        assert content(part) == [path.read_bytes() for path in audio]
    assert rows == open_corpus(str(path), "word")


@pytest.mark.parametrize("saved", ["torch", "numpy", "arrow", "word alone"])
def test_the_form_that_a_dataset_was_saved_in_says_nothing(saved, audio, tmp_path):
    """It is how its last user wanted rows handed over."""
    table = dataset(audio, "bytes").cast_column("speaker_id", datasets.Value("uint8"))
    table.save_to_disk(tmp_path / "plain")
    table.set_format(**({"columns": ["word"]} if saved == "word alone" else {"type": saved}))
    table.save_to_disk(tmp_path / "formed")
    plain, formed = (open_corpus(str(tmp_path / name), "word") for name in ("plain", "formed"))
    assert formed == plain and {row.speaker for row in plain} == {"0", "1"}


def test_bad_huggingface_datasets(audio, tmp_path):
    good = dataset(audio, "bytes")
    beyond = good.cast_column("word", datasets.Value("int64")).map(lambda row: {"word": row["word"] + 1})
    beyond.save_to_disk(tmp_path / "beyond")
    info = json.loads((tmp_path / "beyond" / "dataset_info.json").read_text())
    info["features"]["word"] = {"names": ["no", "yes"], "_type": "ClassLabel"}
    (tmp_path / "beyond" / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(CorpusError, match="row 0: word is 2, of 2 classes"):
        open_corpus(str(tmp_path / "beyond"), "word")
    good.remove_columns("audio").to_parquet(tmp_path / "mute.parquet")
    with pytest.raises(CorpusError, match="one column of audio, found none in word, speaker_id"):
        open_corpus(str(tmp_path / "mute.parquet"), "word")
    empty = [{"bytes": audio[0].read_bytes(), "path": None}, {"bytes": None, "path": None}]
    holes = datasets.Dataset.from_dict({"audio": empty, "word": ["a", "b"]})
    holes.cast_column("audio", datasets.Audio(decode=False)).to_parquet(tmp_path / "holes.parquet")
    with pytest.raises(CorpusError, match="row 1 has no audio"):
        open_corpus(str(tmp_path / "holes.parquet"), "word")
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "mute.parquet").read_bytes()[:200])
    with pytest.raises(CorpusError, match="torn.parquet: cannot be read as a Hugging Face dataset"):
        open_corpus(str(tmp_path / "torn.parquet"), "word")
    good.save_to_disk(tmp_path / "saved")
    next((tmp_path / "saved").glob("*.arrow")).unlink()
    with pytest.raises(CorpusError, match="saved: cannot be read"):
        open_corpus(str(tmp_path / "saved"), "word")
