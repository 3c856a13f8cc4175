"""Lay the demo corpus out as the data sets that s3prl's recipes read.

Each of s3prl's four experts expects one data set's own folders and lists: Speech Commands (``ks``),
VoxCeleb1 (``sid``), IEMOCAP (``er``), LibriSpeech (``asr``). `lay_out` writes those trees, as 16-bit PCM,
and returns the recipe settings that point at them. Nothing in s3prl is changed for it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from ..atomic import explained
from ..demo.corpus import SAMPLE_RATE, demo_clips, read_clip
from ..errors import CorpusError, nearest
from .speech_commands import KEYWORDS

_DATARC = "config.downstream_expert.datarc."
_LIBRISPEECH = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}
_EMOTIONS = {"neutral": "neu", "happy": "hap", "angry": "ang", "sad": "sad"}
_SILENCES_A_NOISE = 8
_MAX_UTTERANCES = 2**27 - 1


def lay_out(root: Path, task: str) -> dict[str, str]:
    """Write the corpus as the data set of one task.

    Args:
        root: a folder, made if it is not there; existing files of the same names are overwritten.
        task: ``ks``, ``sid``, ``er`` or ``asr``.

    Returns:
        Recipe overrides, dotted key to value, as s3prl's ``-o "key=value,,key=value"`` takes them.

    Raises:
        CorpusError: no such task.
    """
    if task not in _LAYOUTS:
        raise CorpusError(f"no layout for task {task!r}{nearest(task, _LAYOUTS)}")
    settings = _LAYOUTS[task](Path(root).resolve())
    return {_DATARC + key: value for key, value in settings.items()}


def _speech_commands(root: Path) -> dict[str, str]:
    """Train and dev speakers in one tree, told apart by the hash of the file name; test in another."""
    train, test = root / "train", root / "test"
    for clip in demo_clips():
        if clip["kind"] == "word":
            word, take = clip["word"], clip["path"].removesuffix(".opus")[-1]
            name = f"{_hashed_prefix(clip['speaker'], clip['split'])}_nohash_{take}.wav"
            if clip["split"] == "test":
                folder = test / (word if word in KEYWORDS else "_unknown_")
                name = f"{word}_{name}"
            else:
                folder = train / word
            _write(folder / name, read_clip(clip["path"]))
        elif clip["kind"] == "noise" and clip["split"] == "train":
            name = f"{Path(clip['path']).stem}.wav"
            _write(train / "_background_noise_" / name, read_clip(clip["path"]))
        elif clip["kind"] == "noise":
            noise = read_clip(clip["path"])
            starts = np.linspace(0, len(noise) - SAMPLE_RATE, _SILENCES_A_NOISE).astype(int)
            for number, start in enumerate(starts):
                name = f"{Path(clip['path']).stem}_{number}.wav"
                _write(test / "_silence_" / name, noise[start : start + SAMPLE_RATE])
    return {"speech_commands_root": str(train), "speech_commands_test_root": str(test)}


def _hashed_prefix(speaker: str, split: str) -> str:
    """A file-name prefix of this speaker that Speech Commands' hash puts in this split."""
    wanted = {"dev": range(0, 10), "test": range(10, 20), "train": range(20, 101)}[split]
    number = 0
    while True:
        prefix = f"{speaker}{number}"
        digest = int(hashlib.sha1(prefix.encode()).hexdigest(), 16)
        if int((digest % (_MAX_UTTERANCES + 1)) * (100.0 / _MAX_UTTERANCES)) in wanted:
            return prefix
        number += 1


def _voxceleb1(root: Path) -> dict[str, str]:
    """``wav/idNNNNN/<word>/NNNNN.wav`` and the list of splits; the dev and test words are not in train."""
    words = [clip for clip in demo_clips() if clip["kind"] == "word"]
    speakers = sorted({clip["speaker"] for clip in words})
    identities = {speaker: f"id{10001 + i}" for i, speaker in enumerate(speakers)}
    lines = []
    for clip in words:
        number = int(Path(clip["path"]).stem[-1]) + 1
        name = f"{identities[clip['speaker']]}/{clip['word']}/{number:05d}.wav"
        _write(root / "VoxCeleb1" / "dev" / "wav" / name, read_clip(clip["path"]))
        lines.append(f"{('train', 'dev', 'test').index(clip['speaker_split']) + 1} {name}\n")
    splits = root / "iden_split.txt"
    splits.write_text("".join(lines))
    return {"file_path": str(root / "VoxCeleb1"), "meta_data": str(splits)}


def _iemocap(root: Path) -> dict[str, str]:
    """``SessionN/sentences/wav/…``, ``SessionN/dialog/EmoEvaluation/`` and s3prl's ``meta_data/SessionN/``."""
    rows = []
    for clip in demo_clips():
        if clip["kind"] == "phrase":
            name = f"{clip['speaker']}_{Path(clip['path']).stem}.wav"
            path = f"{clip['session']}/sentences/wav/{clip['speaker']}/{name}"
            _write(root / path, read_clip(clip["path"]))
            rows.append({"path": path, "label": _EMOTIONS[clip["style"]], "speaker": clip["speaker"]})
    labels = {emotion: i for i, emotion in enumerate(_EMOTIONS.values())}
    for session in sorted({row["path"].split("/")[0] for row in rows}):
        folder = root / "meta_data" / session
        folder.mkdir(parents=True, exist_ok=True)
        held_out = [row for row in rows if row["path"].startswith(session + "/")]
        others = [row for row in rows if not row["path"].startswith(session + "/")]
        for name, chosen in (("train", others), ("test", held_out)):
            content = json.dumps({"labels": labels, "meta_data": chosen}, indent=1)
            (folder / f"{name}_meta_data.json").write_text(content)
        evaluation = root / session / "dialog" / "EmoEvaluation"
        evaluation.mkdir(parents=True, exist_ok=True)
        turns = (f"[0.0 - 1.0]\t{Path(row['path']).stem}\t{row['label']}\t[2.5, 2.5, 2.5]\n" for row in held_out)
        (evaluation / f"{session}.txt").write_text("".join(turns))
    return {"root": str(root), "meta_data": str(root / "meta_data")}


def _librispeech(root: Path) -> dict[str, str]:
    """LibriSpeech's speaker/chapter tree in FLAC with transcripts, length lists and the character list."""
    sentences = [clip for clip in demo_clips() if clip["kind"] == "sentence"]
    speakers = sorted({clip["speaker"] for clip in sentences})
    lengths: dict[str, list[tuple[str, int]]] = {name: [] for name in _LIBRISPEECH.values()}
    transcripts: dict[Path, list[str]] = {}
    characters: Counter[str] = Counter()
    for clip in sentences:
        subset, speaker = _LIBRISPEECH[clip["split"]], 1001 + speakers.index(clip["speaker"])
        utterance = f"{speaker}-1-{int(Path(clip['path']).stem.split('_')[1]):04d}"
        path = f"{subset}/{speaker}/1/{utterance}.flac"
        samples = read_clip(clip["path"])
        _write(root / "LibriSpeech" / path, samples)
        lengths[subset].append((path, len(samples)))
        text = clip["transcript"].upper()
        transcripts.setdefault((root / "LibriSpeech" / path).parent, []).append(f"{utterance} {text}\n")
        characters.update(text.replace(" ", "|") + "|")
    for folder, lines in transcripts.items():
        (folder / f"{folder.parent.name}-{folder.name}.trans.txt").write_text("".join(lines))
    buckets = root / "len_for_bucket"
    buckets.mkdir(parents=True, exist_ok=True)
    for subset, rows in lengths.items():
        with (buckets / f"{subset}.csv").open("w", newline="") as file:
            longest_first = sorted(rows, key=lambda row: (-row[1], row[0]))
            csv.writer(file).writerows([("file_path", "length"), *longest_first])
    dictionary = root / "char.dict"
    dictionary.write_text("".join(f"{symbol} {count}\n" for symbol, count in characters.most_common()))
    return {"libri_root": str(root / "LibriSpeech"), "bucket_file": str(buckets), "dict_path": str(dictionary)}


def _write(path: Path, samples: np.ndarray) -> None:
    """Encoded first: libsndfile does not say why it could not write, a full disk for instance."""
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, SAMPLE_RATE, subtype="PCM_16", format=path.suffix[1:])
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded.getvalue())


_LAYOUTS: dict[str, Callable[[Path], dict[str, str]]] = {
    "ks": _speech_commands,
    "sid": _voxceleb1,
    "er": _iemocap,
    "asr": _librispeech,
}
