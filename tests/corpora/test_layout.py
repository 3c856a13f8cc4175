"""s3prl's own dataset classes read each layout, with the splits that the manifest states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import s3prl_convexprune  # noqa: F401
from s3prl_convexprune.corpora import iemocap, librispeech, speech_commands, voxceleb1
from s3prl_convexprune.corpora.demo import lay_out
from s3prl_convexprune.corpora.speech_commands import KEYWORDS
from s3prl_convexprune.demo.corpus import demo_clips
from s3prl_convexprune.errors import CorpusError
from s3prl_convexprune.tasks.recipes import stated_paths
from s3prl_convexprune.tasks.table import get_task

PREFIX = "config.downstream_expert.datarc."


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Any:
    def once(task: str) -> dict[str, str]:
        variables = lay_out(tmp_path_factory.mktemp(task), task).variables
        overrides = stated_paths(get_task(task).downstream.name, variables)
        assert all(key.startswith(PREFIX) and Path(value).exists() for key, value in overrides.items())
        return {key.removeprefix(PREFIX): value for key, value in overrides.items()}

    return once


def count(kind: str, column: str, value: str) -> int:
    return sum(clip["kind"] == kind and clip[column] == value for clip in demo_clips())


def test_keyword_spotting(laid_out: Any) -> None:
    from s3prl.downstream.speech_commands.dataset import SpeechCommandsDataset, SpeechCommandsTestingDataset
    from s3prl.downstream.speech_commands.expert import split_dataset

    datarc = laid_out("ks")
    train, dev = split_dataset(datarc["speech_commands_root"])
    assert (len(train), len(dev)) == (count("word", "split", "train"), count("word", "split", "dev"))
    voices = {split: {Path(p).name.split("_nohash_")[0] for _, p in part} for split, part in (("t", train), ("d", dev))}
    assert not voices["t"] & voices["d"]
    dataset = SpeechCommandsDataset(train, **datarc)
    assert {name for name, _ in dataset.data} == {*KEYWORDS, "_unknown_", "_silence_"}
    for wanted in ("yes", "_unknown_", "_silence_"):
        index = next(i for i, (name, _) in enumerate(dataset.data) if name == wanted)
        wav, label, _ = dataset[index]
        assert label == dataset.class2index[wanted]
        assert 2000 < len(wav) <= 32000
    test = SpeechCommandsTestingDataset(**datarc)
    assert {name for name, _ in test.data} == {*KEYWORDS, "_unknown_", "_silence_"}
    assert len(test) == count("word", "split", "test") + sum(name == "_silence_" for name, _ in test.data)


def test_speaker_identification(laid_out: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3prl.downstream.voxceleb1 import dataset as voxceleb1

    monkeypatch.setattr(voxceleb1, "CACHE_PATH", str(tmp_path))
    datarc = laid_out("sid")
    sizes, speakers, words = {}, {}, {}
    for split in ("train", "dev", "test"):
        dataset = voxceleb1.SpeakerClassifiDataset(split, Path(datarc["file_path"]), datarc["meta_data"])
        sizes[split], speakers[split] = len(dataset), set(dataset.label)
        words[split] = {Path(path).parent.name for path in dataset.dataset}
        wav, label, _ = dataset[0]
        assert len(wav) > 2000 and 0 <= label < 20
    assert sizes == {split: count("word", "speaker_split", split) for split in sizes}
    assert speakers["train"] == speakers["dev"] == speakers["test"] == set(range(20))
    assert not words["train"] & words["test"] and not words["train"] & words["dev"]


def test_emotion_recognition(laid_out: Any) -> None:
    from s3prl.downstream.emotion.dataset import IEMOCAPDataset

    datarc = laid_out("er")
    for fold in range(1, 6):
        parts = {}
        for part in ("train", "test"):
            meta = Path(datarc["meta_data"], f"Session{fold}", f"{part}_meta_data.json")
            parts[part] = IEMOCAPDataset(datarc["root"], meta, pre_load=False)
        assert len(parts["test"]) == count("phrase", "session", f"Session{fold}")
        assert len(parts["train"]) + len(parts["test"]) == 320
        speakers = {part: {row["speaker"] for row in dataset.meta_data} for part, dataset in parts.items()}
        assert not speakers["train"] & speakers["test"]
        assert {row["label"] for row in parts["test"].meta_data} == {"neu", "hap", "ang", "sad"}
        assert len(parts["test"][0][0]) > 2000


def test_speech_recognition(laid_out: Any) -> None:
    from s3prl.downstream.asr.dataset import SequenceDataset
    from s3prl.downstream.asr.dictionary import Dictionary

    datarc = laid_out("asr")
    dictionary = Dictionary.load(datarc["dict_path"])
    spoken = {clip["transcript"].upper() for clip in demo_clips() if clip["kind"] == "sentence"}
    subsets = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}
    for split, subset in subsets.items():
        paths = {"libri_root": datarc["libri_root"], "bucket_file": datarc["bucket_file"]}
        dataset = SequenceDataset(subset, 1, dictionary, **paths, **{subset: [subset]})
        assert len(dataset) == count("sentence", "split", split)
        (wav,), (label,), _ = dataset[0]
        assert len(wav) > 8000
        assert dictionary.string(label).replace(" ", "").strip("|").replace("|", " ") in spoken
        assert dictionary.unk() not in label


def test_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="did you mean 'asr'"):
        lay_out(tmp_path, "asrr")


#: What one clip of each corpus becomes on disk, written down from the corpora's own documentation.
ONE_CLIP = {
    "speech_commands": {
        "yes/0a7c2a8d_nohash_0.wav",
        "_background_noise_/hum.wav",
        "validation_list.txt",
        "testing_list.txt",
    },
    "voxceleb1": {"dev/wav/id10001/1zcIwhmdeo4/00001.wav", "iden_split.txt"},
    "iemocap": {
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
    },
    "librispeech": {"dev-clean/84/121123/84-121123-0000.flac", "dev-clean/84/121123/84-121123.trans.txt"},
}


@pytest.mark.parametrize("corpus", ONE_CLIP)
def test_one_clip_lies_where_the_corpus_has_it(corpus: str, tmp_path: Path) -> None:
    samples = np.sin(np.arange(16_000) / 9) / 2
    if corpus == "speech_commands":
        speech_commands.lay_out(tmp_path, [speech_commands.Take("yes", "0a7c2a8d", 0, samples)], {"hum": samples})
    elif corpus == "voxceleb1":
        voxceleb1.lay_out(tmp_path, [voxceleb1.Clip(0, "1zcIwhmdeo4", 1, "dev", samples)], test_speakers=[])
        assert (tmp_path / "iden_split.txt").read_text() == "2 id10001/1zcIwhmdeo4/00001.wav\n"
    elif corpus == "iemocap":
        turn = iemocap.Turn("Session1", "Ses01F_impro01", "Ses01F_impro01_F000", "neu", samples)
        iemocap.lay_out(tmp_path, [turn])
        listed = (tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").read_text().splitlines()
        assert listed[2] == "[0.0000 - 1.0000]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]"
    else:
        librispeech.lay_out(tmp_path, [librispeech.Reading("dev-clean", 84, 121123, 0, "GO DO YOU HEAR", samples)])
        assert (tmp_path / "dev-clean/84/121123/84-121123.trans.txt").read_text() == "84-121123-0000 GO DO YOU HEAR\n"
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) == ONE_CLIP[corpus]
    for path in (path for path in files.values() if path.suffix in (".wav", ".flac")):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 16_000, "PCM_16")
        assert np.abs(soundfile.read(path)[0] - samples).max() < 1e-4
