"""Speech Commands (Warden, arXiv 1804.03209): one-second words, v0.01 with 30 and v0.02 with 35 of them.

Layout: `WORD/SPEAKERHASH_nohash_TAKE.wav`, `_background_noise_/*.wav`, `validation_list.txt`,
`testing_list.txt`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import soundfile

from ..errors import CorpusError
from .manifest import Utterance

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
NOISE = "_background_noise_"
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
    files = {"dev": root / "validation_list.txt", "test": root / "testing_list.txt"}
    if not all(path.is_file() for path in files.values()):
        return None
    return {line.strip(): split for split, path in files.items() for line in path.read_text().splitlines()}


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
            seconds = range(int(soundfile.info(path).duration))
            rows += [
                Utterance(path, {"keyword": "_silence_"}, float(start), float(start + 1), split="train")
                for start in seconds
            ]
    return rows
