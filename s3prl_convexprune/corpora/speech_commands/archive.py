"""The two archives of Speech Commands: names, speakers, reading, and laying out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import CorpusError
from ..audio_header import read_header
from ..layout import write_audio, write_lines
from ..lines import read_lines
from ..manifest import Utterance

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
CLASSES = (*KEYWORDS, "_unknown_", "_silence_")
NOISE = "_background_noise_"
FOLDERS = ("speech_commands_v0.01", "speech_commands_test_set_v0.01")
LISTS = {"dev": "validation_list.txt", "test": "testing_list.txt"}
LARGEST_HASH = 2**27 - 1


def speaker_of(file_name: str) -> str:
    """The speaker's hash in a file name.

    >>> speaker_of("0a7c2a8d_nohash_0.wav")
    '0a7c2a8d'
    """
    return file_name.partition("_nohash_")[0]


def hash_split(speaker: str) -> str:
    """The split that the corpus's README defines for a speaker: about 10 % dev, 10 % test, the rest train.

    >>> hash_split("0a7c2a8d")
    'train'
    """
    digest = int(hashlib.sha1(speaker.encode()).hexdigest(), 16)
    percentage = digest % (LARGEST_HASH + 1) * (100.0 / LARGEST_HASH)
    return "dev" if percentage < 10 else "test" if percentage < 20 else "train"


def official_lists(root: Path) -> dict[str, str] | None:
    """`WORD/FILE` -> ``dev`` or ``test`` from the corpus's own lists; None when they are not there."""
    files = {split: root / name for split, name in LISTS.items()}
    if not all(path.is_file() for path in files.values()):
        return None
    return {line.strip(): split for split, path in files.items() for line in read_lines(path)}


def read(root: Path, label: str) -> list[Utterance]:
    """Read the full archive (the one with `_background_noise_`), not the test archive.

    Args:
        root: the archive's folder.
        label: ``word`` (every word), ``keyword`` (SUPERB's 12 classes: ten words, `_unknown_` for every other
            word and `_silence_` for consecutive seconds of the background noise, which are in the split
            train) or ``speaker``.

    Returns:
        One utterance a file; splits from the official lists when both are there, else by the speaker's hash.

    Raises:
        CorpusError: there are no word folders, or this is the test archive.
    """
    if (root / "_silence_").is_dir():
        raise CorpusError(f"{root} is the Speech Commands test archive; give the full one, with {NOISE}/")
    listed = official_lists(root)
    rows = []
    for path in sorted(root.glob("[!_.]*/*_nohash_*.wav")):
        word, speaker = path.parent.name, speaker_of(path.name)
        split = hash_split(speaker) if listed is None else listed.get(f"{word}/{path.name}", "train")
        labels = {"word": word, "keyword": word if word in KEYWORDS else "_unknown_", "speaker": speaker}
        rows.append(Utterance(path, labels, speaker=speaker, split=split))
    if not rows:
        raise CorpusError(f"{root} has no Speech Commands files (WORD/SPEAKER_nohash_TAKE.wav)")
    if label == "keyword":
        for path in sorted((root / NOISE).glob("*.wav")):
            rows += [  # a recording of noise stands for its speaker: its seconds belong together
                Utterance(path, {"keyword": "_silence_"}, float(start), float(start + 1), path.stem, "train")
                for start in range(int(read_header(path).seconds))
            ]
    return rows


def read_test_archive(root: Path) -> list[Utterance]:
    """The official test set of the 12-class task: every wav file, with the label ``keyword`` that its folder names.

    Raises:
        CorpusError: it is not that archive.
    """
    rows = [Utterance(path, {"keyword": path.parent.name}, split="test") for path in sorted(root.glob("*/*.wav"))]
    if not rows or not (root / "_silence_").is_dir():
        raise CorpusError(f"{root} is not the Speech Commands test archive (one folder a class, _silence_ among them)")
    return rows


@dataclass(frozen=True)
class Take:
    """One file of the full archive to lay out: word, speaker (whose hash decides the split), take, and its samples."""

    word: str
    speaker: str
    number: int
    samples: np.ndarray


def lay_out(root: Path, takes: Iterable[Take], noises: Mapping[str, np.ndarray], lists: bool = True) -> Path:
    """Write the full archive as it lies on disk.

    Args:
        root: where; made if it is not there.
        takes: the words.
        noises: name -> background noise of at least a second.
        lists: write the official lists, by the speakers' hashes.
    """
    listed: dict[str, list[str]] = {split: [] for split in LISTS}
    for take in takes:
        name = f"{take.word}/{take.speaker}_nohash_{take.number}.wav"
        write_audio(root / name, take.samples)
        listed.get(hash_split(take.speaker), []).append(name)
    for name, samples in noises.items():
        write_audio(root / NOISE / f"{name}.wav", samples)
    if lists:
        for split, names in listed.items():
            write_lines(root / LISTS[split], sorted(names))
    return root


def lay_out_test(root: Path, clips: Iterable[tuple[str, str, np.ndarray]]) -> Path:
    """Write the test archive as it lies on disk: clips as (class, name of the file without ending, samples)."""
    for kind, name, samples in clips:
        write_audio(root / kind / f"{name}.wav", samples)
    return root
