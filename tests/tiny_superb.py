"""Tiny corpora in the exact layouts that s3prl's KS, SID, ER and ASR recipes read: noise with a tone a class.

``build("ks", folder)`` writes one and returns the environment variables that point at it. All audio is 16 kHz
mono, and every utterance of a corpus has the same length unless `lengths` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
PREFIX = "S3PRL_CONVEXPRUNE_DATA_"


def tone(path: Path, pitch: float, seconds: float = 0.5, seed: int = 0) -> None:
    """Write a tone of `pitch` Hz in noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    wav = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * generator.standard_normal(len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wav, RATE, subtype="PCM_16")


def ks(
    root: Path,
    words: Sequence[str] = ("yes", "no"),
    train: int = 4,
    lengths: Sequence[float] = (0.5,),
    noise: float = 2.0,
) -> dict[str, str]:
    """Speech Commands: `train/<word>/<speaker>_nohash_<n>.wav`, `_background_noise_`, and the test set's own folder.

    Which split a file of `train` is in depends on its speaker's hash; the names here give `train` training and two
    dev files a word. `noise` is the length of the background noise in seconds.
    """
    names = [_speaker_of("train", number) for number in range(train)] + [
        _speaker_of("dev", number) for number in (0, 1)
    ]
    for index, word in enumerate(words):
        for number, name in enumerate(names):
            seconds = lengths[number % len(lengths)]
            tone(root / "train" / word / f"{name}_nohash_0.wav", 200 * (index + 1), seconds, seed=number)
            tone(root / "test" / word / f"{name}_nohash_1.wav", 200 * (index + 1), seconds, seed=number + 100)
    tone(root / "train" / "_background_noise_" / "hum.wav", 50, noise)
    tone(root / "test" / "_silence_" / "hum.wav", 50, 1.0)
    return {PREFIX + "SPEECH_COMMANDS": str(root / "train"), PREFIX + "SPEECH_COMMANDS_TEST": str(root / "test")}


def _speaker_of(split: str, number: int) -> str:
    """The `number`-th name whose hash puts it into `split`, by the rule that Speech Commands defines."""
    import hashlib

    found = -1
    for candidate in range(10_000):
        name = f"{candidate:08x}"
        share = int(hashlib.sha1(name.encode()).hexdigest(), 16) % 2**27 * (100.0 / (2**27 - 1))
        if (split == "dev" and share < 10) or (split == "train" and share >= 20):
            found += 1
        if found == number:
            return name
    raise AssertionError("no such speaker name")


def sid(root: Path, speakers: int = 3, clips: int = 2, lengths: Sequence[float] = (0.5,)) -> dict[str, str]:
    """VoxCeleb1: `dev/wav/id1000N/<video>/0000N.wav` and the list `veri_test_class.txt` (1 train, 2 dev, 3 test)."""
    lines = []
    for speaker in range(speakers):
        for split in (1, 2, 3):
            for clip in range(clips if split == 1 else 1):
                name = f"id1{speaker + 1:04d}/video{split}/{clip:05d}.wav"
                seconds = lengths[(speaker + clip) % len(lengths)]
                tone(root / "dev" / "wav" / name, 150 * (speaker + 1), seconds, seed=10 * clip + split)
                lines.append(f"{split} {name}")
    (root / "veri_test_class.txt").write_text("\n".join(lines) + "\n")
    return {PREFIX + "VOXCELEB1": str(root)}


def er(root: Path, clips: int = 2, lengths: Sequence[float] = (0.5,)) -> dict[str, str]:
    """IEMOCAP: `Session<k>/sentences/wav/<dialog>/<clip>.wav`, `meta_data/Session<k>/{train,test}_meta_data.json`."""
    labels = {"neu": 0, "hap": 1, "ang": 2, "sad": 3}
    rows: dict[int, list[dict[str, str]]] = {}
    for session in range(1, 6):
        for emotion, index in labels.items():
            for clip in range(clips):
                dialog = f"Ses{session:02d}F_impro{index + 1:02d}"
                path = f"Session{session}/sentences/wav/{dialog}/{dialog}_F{clip:03d}.wav"
                tone(root / path, 120 * (index + 1), lengths[clip % len(lengths)], seed=session)
                rows.setdefault(session, []).append({"path": path, "label": emotion, "speaker": dialog[:6]})
    for session in rows:
        folder = root / "meta_data" / f"Session{session}"
        folder.mkdir(parents=True, exist_ok=True)
        others = [row for other, found in rows.items() if other != session for row in found]
        for split, part in {"train": others, "test": rows[session]}.items():
            (folder / f"{split}_meta_data.json").write_text(json.dumps({"labels": labels, "meta_data": part}))
    return {PREFIX + "IEMOCAP": str(root)}


def asr(root: Path, utterances: int = 4, lengths: Sequence[float] = (0.6,)) -> dict[str, str]:
    """LibriSpeech: `<split>/<speaker>/<chapter>/*.flac` with `.trans.txt`, the length table and `char.dict`."""
    words = ["CAT", "DOG", "SUN", "SEA"]
    for number, split in enumerate(("train-clean-100", "dev-clean", "test-clean")):
        chapter = root / split / f"{number + 1}" / "10"
        chapter.mkdir(parents=True, exist_ok=True)
        transcripts, table = [], ["file_path,length,label"]
        for index in range(utterances):
            name = f"{number + 1}-10-{index:04d}"
            seconds = lengths[index % len(lengths)]
            tone(chapter / f"{name}.flac", 180 * (index + 1), seconds, seed=number)
            transcripts.append(f"{name} {words[index % 4]}")
            table.append(f"{split}/{number + 1}/10/{name}.flac,{int(seconds * 100)},")
        (chapter / f"{number + 1}-10.trans.txt").write_text("\n".join(transcripts) + "\n")
        (root / "len_for_bucket").mkdir(exist_ok=True)
        (root / "len_for_bucket" / f"{split}.csv").write_text("\n".join(table) + "\n")
    letters = "|ETAONIHSRDLUMWCFGYPBVK'XJQZ"
    (root / "char.dict").write_text("".join(f"{letter} {1000 - i}\n" for i, letter in enumerate(letters)))
    return {PREFIX + "LIBRISPEECH": str(root)}


BUILDERS: dict[str, Callable[..., dict[str, str]]] = {"ks": ks, "sid": sid, "er": er, "asr": asr}


def build(task: str, root: Path) -> dict[str, str]:
    """Write the corpus of `task` under `root`; returns the environment that the recipe needs."""
    return BUILDERS[task](root)
