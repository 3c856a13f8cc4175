"""Kaldi folders, lhotse's manifests and Hugging Face datasets, as their own libraries write them, become utterances."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import datasets
import lhotse
import numpy as np
import pytest
import soundfile

from s3prl_convexprune.corpora import open_corpus
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CorpusError

WORDS, SPEAKERS = ("yes", "no", "yes", "no"), ("anna", "anna", "bert", "bert")


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> list[Path]:
    """Four files of one second."""
    folder = tmp_path_factory.mktemp("audio")
    generator = np.random.default_rng(0)
    for number in range(4):
        soundfile.write(folder / f"u{number}.wav", 0.1 * generator.standard_normal(16_000), 16_000)
    return sorted(folder.iterdir())


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def content(rows: list[Utterance]) -> list[bytes]:
    return [row.path.read_bytes() for row in rows]


def kaldi(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in tables.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(text)
    return folder


def numbered(values) -> str:
    return "".join(f"u{number} {value}\n" for number, value in enumerate(values))


def test_a_kaldi_folder(audio, tmp_path):
    folder = kaldi(
        tmp_path / "data",
        wav_scp=numbered(audio),
        utt2spk=numbered(SPEAKERS),
        text=numbered(WORDS),
        utt2session=numbered((1, 2, 1, 2)),
        spk2gender="anna f\nbert m\n",
        utt2dur=numbered([1.0] * 4),
    )
    assert open_corpus(str(folder), "speaker")[1] == Utterance(
        audio[1], {"text": "no", "session": "2", "speaker": "anna", "gender": "f"}, speaker="anna"
    )
    rows = open_corpus(str(folder), "text")
    assert [(row.path, row.labels["text"], row.speaker) for row in rows] == list(
        zip(audio, WORDS, SPEAKERS, strict=True)
    )


def test_kaldi_segments_and_relative_paths(audio, tmp_path):
    folder = kaldi(
        tmp_path / "data", wav_scp="rec u0.wav\n", segments="a rec 0.0 0.4\nb rec 0.4 1.0\n", utt2spk="a anna\nb bert\n"
    )
    rows = open_corpus(str(folder), "speaker", audio[0].parent)
    assert rows == [
        Utterance(audio[0], {"speaker": "anna"}, 0.0, 0.4, "anna"),
        Utterance(audio[0], {"speaker": "bert"}, 0.4, 1.0, "bert"),
    ]


def test_a_pipe_runs_only_when_that_was_said(audio, tmp_path):
    mark = tmp_path / "ran"
    folder = kaldi(tmp_path / "data", wav_scp=f"u0 touch {mark} && cat {audio[0]} |\nu1 cat {audio[1]} |\n")
    with pytest.raises(CorpusError, match=r"wav.scp: u0: .*shell command.*--allow-pipes"):
        open_corpus(str(folder), "text")
    assert not mark.exists()
    rows = open_corpus(str(folder), "text", allow_pipes=True)
    assert mark.exists() and content(rows) == [path.read_bytes() for path in audio[:2]]
    assert open_corpus(str(folder), "text", allow_pipes=True) == rows
    (folder / "wav.scp").write_text("u0 echo gone wrong >&2; exit 3 |\n")
    with pytest.raises(CorpusError, match="u0: the command .* status 3: gone wrong"):
        open_corpus(str(folder), "text", allow_pipes=True)


BAD_KALDI = {
    "a segment of no recording": ({"segments": "a rec9 0 1\n"}, "a: its recording 'rec9'"),
    "a segment backwards": ({"segments": "a u0 1 0.5\n"}, "a: a segment must have"),
    "a segment of NaN": ({"segments": "a u0 nan 1\n"}, "a: a segment must have"),
    "a segment without times": ({"segments": "a u0\n"}, "a: expected RECORDING START END"),
    "an utterance without speaker": ({"utt2spk": "u1 anna\n"}, "utt2spk: has no line for the utterance 'u0'"),
    "an utterance twice": ({"utt2spk": "u0 anna\nu0 bert\n"}, "utt2spk line 2: has 'u0' twice"),
    "an empty table": ({"text": ""}, "text: is empty"),
    "no file": ({"wav_scp": "u0\n"}, "u0: has no file"),
}


@pytest.mark.parametrize("case", BAD_KALDI)
def test_a_bad_kaldi_folder(case, audio, tmp_path):
    tables, said = BAD_KALDI[case]
    folder = kaldi(tmp_path / "data", **{"wav_scp": f"u0 {audio[0]}\n", **tables})
    with pytest.raises(CorpusError, match=said):
        open_corpus(str(folder), "speaker")


@pytest.fixture(scope="module")
def manifests(audio, tmp_path_factory) -> Path:
    """lhotse's own manifests of the four files: recordings and supervisions in `pair/`, cuts in `cuts.jsonl.gz`."""
    folder = tmp_path_factory.mktemp("lhotse")
    recordings = lhotse.RecordingSet.from_recordings(lhotse.Recording.from_file(path) for path in audio)
    supervisions = lhotse.SupervisionSet.from_segments(
        lhotse.SupervisionSegment(
            f"s{number}", f"u{number}", 0.25 * number, 0.25, speaker=speaker, text=word, custom={"mood": "calm", "n": 3}
        )
        for number, (word, speaker) in enumerate(zip(WORDS, SPEAKERS, strict=True))
    )
    (folder / "pair").mkdir()
    recordings.to_file(folder / "pair" / "mine_recordings_train.jsonl.gz")
    supervisions.to_file(folder / "pair" / "mine_supervisions_train.jsonl.gz")
    cuts = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
    cuts.to_file(folder / "cuts.jsonl.gz")
    cuts.truncate(max_duration=0.9, offset_type="end").to_file(folder / "ends.jsonl")
    return folder


@pytest.mark.parametrize("name", ["pair", "cuts.jsonl.gz"])
def test_lhotse_manifests(name, manifests, audio):
    rows = open_corpus(str(manifests / name), "speaker")
    split = "train" if name == "pair" else None
    assert rows == [
        Utterance(
            audio[number],
            {"speaker": speaker, "text": word, "mood": "calm"},
            0.25 * number,
            0.25 * number + 0.25,
            speaker,
            split,
        )
        for number, (word, speaker) in enumerate(zip(WORDS, SPEAKERS, strict=True))
    ]


def test_lhotse_cuts_count_from_their_recording(manifests, audio):
    rows = [row for row in open_corpus(str(manifests / "ends.jsonl"), "text") if row.path != audio[0]]
    assert [(row.path, row.start, row.end) for row in rows] == [
        (audio[number], 0.25 * number, 0.25 * number + 0.25) for number in (1, 2, 3)
    ]


def test_bad_lhotse_manifests(manifests, audio, tmp_path):
    folder = Path(shutil.copytree(manifests / "pair", tmp_path / "pair"))
    recordings, supervisions = sorted(folder.iterdir())

    def rewrite(path: Path, change) -> None:
        with gzip.open(manifests / "pair" / path.name, "rt") as file:
            items = [json.loads(line) for line in file]
        with gzip.open(path, "wt") as file:
            file.writelines(json.dumps(item) + "\n" for item in change(items))

    def check(said: str, **options) -> None:
        with pytest.raises(CorpusError, match=said):
            open_corpus(str(folder), "speaker", **options)

    rewrite(supervisions, lambda items: [*items, items[0]])
    check("has 's0' twice")
    rewrite(supervisions, lambda items: [{**items[0], "recording_id": "gone"}])
    check("s0: its recording 'gone' is not in")
    rewrite(supervisions, lambda items: [{**items[0], "duration": 9.0}])
    check("s0: lies from 0 to 9 s of a recording of 1 s")
    rewrite(supervisions, lambda items: items)
    mark = tmp_path / "ran"
    pipe = [{"type": "command", "channels": [0], "source": f"touch {mark}; cat {audio[0]}"}]
    rewrite(recordings, lambda items: [{**item, "sources": pipe} for item in items])
    check("u0: .*--allow-pipes")
    assert not mark.exists()
    assert set(content(open_corpus(str(folder), "speaker", allow_pipes=True))) == {audio[0].read_bytes()}
    url = [{"type": "url", "channels": [0], "source": "https://example.com/a.wav"}]
    rewrite(recordings, lambda items: [{**item, "sources": url} for item in items])
    check("u0: its source is of type 'url'")
    recordings.write_bytes(b"not gzip")
    check("cannot be read as lhotse's recordings")
    supervisions.unlink()
    shutil.copy(manifests / "pair" / recordings.name, recordings)
    check("mine_supervisions_train.jsonl.gz is missing")


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


def test_bad_huggingface_datasets(audio, tmp_path):
    good = dataset(audio, "bytes")
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


def test_a_csv_with_the_column_of_an_audio_folder(audio):
    path = audio[0].parent.parent / "metadata.csv"
    path.write_text(f"file_name,word\n{audio[0].parent.name}/u0.wav,yes\n")
    assert open_corpus(str(path), "word") == [Utterance(audio[0], {"word": "yes"})]


def test_another_folder_says_what_is_read(tmp_path):
    with pytest.raises(CorpusError, match="expected a .csv, a Kaldi folder"):
        open_corpus(str(tmp_path), "word")
