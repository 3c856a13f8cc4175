"""Tiny corpora prepared for s3prl's recipes, with the environment variables that point at them.

`build("ks", folder)` writes and prepares one; all its utterances have one length unless `lengths` says otherwise.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from s3prl_convexprune.corpora import iemocap as iemocap_layout
from s3prl_convexprune.corpora import librispeech as librispeech_layout
from s3prl_convexprune.corpora import speech_commands as speech_commands_layout
from s3prl_convexprune.corpora import voxceleb1 as voxceleb1_layout
from s3prl_convexprune.corpora.iemocap import Turn
from s3prl_convexprune.corpora.librispeech import SUBSETS, Reading
from s3prl_convexprune.corpora.prepare import prepare
from s3prl_convexprune.corpora.speech_commands import Take
from s3prl_convexprune.corpora.voxceleb1 import Clip
from tests.tiny_corpora import hashed_speakers, tone

HISS = 0.05


EMOTIONS = ("neu", "hap", "ang", "sad")


def ks(
    root: Path,
    words: Sequence[str] = ("yes", "no"),
    train: int = 4,
    lengths: Sequence[float] = (0.5,),
    noise: float = 2.0,
) -> dict[str, str]:
    """Speech Commands for s3prl, of these words alone: `train` training and two dev files a word, all of them by other
    takes in the test archive; `noise` is the length of the background noise in seconds."""
    takes, tested = [], [("_silence_", "hum", tone(50, 1.0, 0, hiss=HISS))]
    for index, word in enumerate(words):
        for number, name in enumerate([*hashed_speakers(train=train), *hashed_speakers(dev=2)]):
            pitch, seconds = 200 * (index + 1), lengths[number % len(lengths)]
            takes.append(Take(word, name, 0, tone(pitch, seconds, number, hiss=HISS)))
            tested.append((word, f"{name}_nohash_1", tone(pitch, seconds, number + 100, hiss=HISS)))
    hum = {"hum": tone(50, noise, 0, hiss=HISS)}
    variables = {
        "SPEECH_COMMANDS": speech_commands_layout.lay_out(root / "train", takes, hum, lists=False),
        "SPEECH_COMMANDS_TEST": speech_commands_layout.lay_out_test(root / "test", tested),
    }
    return {f"S3PRL_CONVEXPRUNE_DATA_{name}": str(folder) for name, folder in variables.items()}


def sid(root: Path, speakers: int = 3, clips: int = 2, lengths: Sequence[float] = (0.5,)) -> dict[str, str]:
    """VoxCeleb1 for s3prl: a speaker has `clips` training files and one each of dev and test, a video a split."""
    laid = [
        Clip(
            speaker,
            f"video{number}",
            clip + 1,
            split,
            tone(150 * (speaker + 1), lengths[(speaker + clip) % len(lengths)], 10 * clip + number, hiss=HISS),
        )
        for speaker in range(speakers)
        for number, split in enumerate(("train", "dev", "test"), start=1)
        for clip in range(clips if split == "train" else 1)
    ]
    return prepare("sid", voxceleb1_layout.lay_out(root, laid, [speakers - 1])).variables


def er(root: Path, clips: int = 2, lengths: Sequence[float] = (0.5,)) -> dict[str, str]:
    """IEMOCAP for s3prl: five sessions of one dialog and one speaker, `clips` turns an emotion."""
    turns = []
    for session in range(1, 6):
        dialog = f"Ses{session:02d}F_impro01"
        for number, (index, clip) in enumerate(itertools.product(range(len(EMOTIONS)), range(clips))):
            samples = tone(120 * (index + 1), lengths[clip % len(lengths)], session, hiss=HISS)
            name = f"{dialog}_F{number:03d}"
            turns.append(Turn(f"Session{session}", dialog, name, EMOTIONS[index], samples))
    return prepare("er", iemocap_layout.lay_out(root, turns)).variables


def asr(root: Path, utterances: int = 4, lengths: Sequence[float] = (0.6,)) -> dict[str, str]:
    """LibriSpeech for s3prl: one speaker a subset, one word an utterance.

    s3prl halves a training batch whose longest utterance has more than 2000 samples, which is every one here; the
    tables count 10 ms in place of samples, so that a batch has the size that a test asks for.
    """
    words = ("CAT", "DOG", "SUN", "SEA")
    readings = [
        Reading(
            split,
            speaker,
            10,
            number,
            words[number % len(words)],
            tone(180 * (number + 1), lengths[number % len(lengths)], speaker - 1, hiss=HISS),
        )
        for speaker, split in enumerate(SUBSETS, start=1)
        for number in range(utterances)
    ]
    prepared = prepare("asr", librispeech_layout.lay_out(root, readings))
    for table in prepared.files[1:]:
        with table.open(newline="") as file:
            header, *rows = csv.reader(file)
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([header, *([n, name, int(size) // 160, ""] for n, name, size, _ in rows)])
    return prepared.variables


BUILDERS: dict[str, Callable[..., dict[str, str]]] = {"ks": ks, "sid": sid, "er": er, "asr": asr}


def build(task: str, root: Path) -> dict[str, str]:
    """Write the corpus of `task` under `root`; returns the environment that the recipe needs."""
    return BUILDERS[task](root)
