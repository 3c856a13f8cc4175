#!/usr/bin/env python3
"""Lay three public collections of real speech out for s3prl's recipes, as `studies/evidence.yaml` reads them.

    python tools/lay_out_evidence.py --digits FSDD --emotions EMODB --speakers RESEMBLYZER [--rotation N] OUT

FSDD is a clone of the Free Spoken Digit Dataset (``recordings/7_jackson_3.wav``), EMODB a folder with
``wav/03a01Fa.wav``, RESEMBLYZER a clone whose ``audio_data/librispeech_test-other`` holds LibriSpeech speakers. OUT
gets ``ks``, ``er`` and ``sid``, each with a ``manifest.csv`` for `analyze` beside the recipe's own tree:

- ks: Speech Commands' tree. Its recipe fixes twelve class names, so each digit stands under a keyword's; there is no
  silence and no unknown word. Three speakers train, one is dev, two are test.
- er: IEMOCAP's tree. Ten speakers in five sessions of a man and a woman, all seven emotions of EmoDB.
- sid: VoxCeleb1's tree. Ten speakers, pieces of two seconds; recordings of train, dev and test differ.

Another rotation gives other speakers to test (ks), pairs each man with another woman (er), and gives other recordings
to test (sid).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from s3prl_convexprune.corpora.audio import load_audio

RATE = 16000
KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
DIGIT_SPEAKERS = ("jackson", "nicolas", "theo", "yweweler", "george", "lucas")
DIGIT_SPLITS = ("train", "train", "train", "dev", "test", "test")
TAKES = {"train": range(12), "dev": range(5), "test": range(12)}
EMOTIONS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"}
MEN, WOMEN = ("03", "10", "11", "12", "15"), ("08", "09", "13", "14", "16")
RECORDING_SPLITS = ("train",) * 6 + ("dev",) * 2 + ("test",) * 2
PIECE = 2 * RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("digits", "emotions", "speakers"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rotation", type=int, default=0)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    digits(given.digits, given.out / "ks", given.rotation)
    emotions(given.emotions, given.out / "er", given.rotation)
    speakers(given.speakers, given.out / "sid", given.rotation)


def rotated(things: Sequence[str], by: int) -> list[str]:
    """
    >>> rotated("abcdef", 2)
    ['c', 'd', 'e', 'f', 'a', 'b']
    """
    return [things[(place + by) % len(things)] for place in range(len(things))]


def digits(source: Path, out: Path, rotation: int) -> None:
    rows = []
    splits = dict(zip(rotated(DIGIT_SPEAKERS, 2 * rotation), DIGIT_SPLITS, strict=True))
    for path in sorted((source / "recordings").glob("*.wav")):
        digit, speaker, take = path.stem.split("_")
        split, word = splits[speaker], KEYWORDS[int(digit)]
        if int(take) in TAKES[split]:
            name = f"{hashed(speaker, split)}_nohash_{take}.wav"
            place = f"test/{word}/{name}" if split == "test" else f"train/{word}/{name}"
            write(out / place, load_audio(path))
            rows.append({"path": place, "word": word, "speaker": speaker, "split": split})
    manifest(out, rows)


def hashed(speaker: str, split: str) -> str:
    """A speaker's name in Speech Commands that its list of splits, a hash of the name, puts in this split."""
    wanted = {"dev": (0, 10), "test": (10, 20), "train": (20, 101)}[split]
    for number in range(10_000):
        name = f"{speaker}{number}"
        share = int(hashlib.sha1(name.encode()).hexdigest(), 16) % 2**27 * (100 / (2**27 - 1))
        if wanted[0] <= share < wanted[1]:
            return name
    raise ValueError(f"no name of {speaker} hashes to {split}")


def emotions(source: Path, out: Path, rotation: int) -> None:
    pairs = zip(MEN, rotated(WOMEN, rotation), strict=True)
    session_of = {speaker: f"Session{i + 1}" for i, pair in enumerate(pairs) for speaker in pair}
    rows = []
    for path in sorted((source / "wav").glob("*.wav")):
        speaker, emotion = path.stem[:2], EMOTIONS[path.stem[5]]
        place = f"{session_of[speaker]}/sentences/wav/{speaker}/{path.name}"
        write(out / place, load_audio(path))
        rows.append({"path": place, "emotion": emotion, "speaker": speaker, "session": session_of[speaker]})
    labels = {emotion: i for i, emotion in enumerate(EMOTIONS.values())}
    for session in sorted(set(session_of.values())):
        folder = out / "meta_data" / session
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("train", "test"):
            chosen = [
                {"path": row["path"], "label": row["emotion"], "speaker": row["speaker"]}
                for row in rows
                if (row["session"] == session) == (name == "test")
            ]
            content = json.dumps({"labels": labels, "meta_data": chosen}, indent=1)
            (folder / f"{name}_meta_data.json").write_text(content)
    manifest(out, rows)


def speakers(source: Path, out: Path, rotation: int) -> None:
    rows, lines = [], []
    splits = rotated(RECORDING_SPLITS, -2 * rotation)
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((source / "audio_data" / "librispeech_test-other").glob("*/*.flac")):
        found[path.parent.name].append(path)
    for number, recordings in enumerate(found.values()):
        for at, path in enumerate(recordings):
            split = splits[at] if at < len(splits) else "test"
            wav = load_audio(path)
            for piece in range(min(3, len(wav) // PIECE)):
                name = f"id{10001 + number}/{path.stem}/{piece + 1:05d}.wav"
                place = f"dev/wav/{name}"
                write(out / place, wav[piece * PIECE : (piece + 1) * PIECE])
                row = {"path": place, "speaker": f"id{10001 + number}", "recording": path.stem, "split": split}
                rows.append(row)
                lines.append(f"{('train', 'dev', 'test').index(split) + 1} {name}\n")
    (out / "veri_test_class.txt").write_text("".join(lines))
    manifest(out, rows)


def manifest(out: Path, rows: list[dict[str, str]]) -> None:
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
