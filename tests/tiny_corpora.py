"""Tiny corpora for tests and benchmarks: tones and labels, laid out by the product's own `lay_out` of each corpus.

Every utterance is a tone with a little noise: one pitch a class and one loudness a speaker, so that a recipe has
something to learn. `speech_commands`, `voxceleb1`, `iemocap` and `librispeech` return the corpus's root;
`recipe_corpora` prepares smaller ones for s3prl's recipes. The same arguments write the same bytes.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s3prl_convexprune.corpora import iemocap as iemocap_layout
from s3prl_convexprune.corpora import librispeech as librispeech_layout
from s3prl_convexprune.corpora import speech_commands as speech_commands_layout
from s3prl_convexprune.corpora import voxceleb1 as voxceleb1_layout
from s3prl_convexprune.corpora.iemocap import Turn
from s3prl_convexprune.corpora.librispeech import SUBSETS, Reading
from s3prl_convexprune.corpora.speech_commands import KEYWORDS, Take, hash_split
from s3prl_convexprune.corpora.speech_commands.archive import FOLDERS
from s3prl_convexprune.corpora.voxceleb1 import Clip
from s3prl_convexprune.sampling import SAMPLE_RATE


def tone(pitch: float, seconds: float, seed: int | str, loudness: float = 0.3, hiss: float = 0.01) -> np.ndarray:
    """A tone of `pitch` Hz in noise, at 16 kHz; the noise depends on `seed` alone, a number or a file's name."""
    if isinstance(seed, str):
        seed = int.from_bytes(hashlib.sha1(seed.encode()).digest()[:4], "big")
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (loudness * np.sin(2 * np.pi * pitch * time) + hiss * noise).astype(np.float32)


def hashed_speakers(**wanted: int) -> list[str]:
    """Eight-digit speaker hashes, as many as asked for in each split, as Speech Commands' rule puts them there."""
    chosen = []
    for number in itertools.count():
        if not any(wanted.values()):
            break
        speaker = f"{number * 2654435761 % 2**32:08x}"
        split = hash_split(speaker)
        if wanted.get(split):
            wanted[split] -= 1
            chosen.append(speaker)
    return chosen


def loudness_of(speaker: str) -> float:
    """0.2 to 0.45, by the speaker's hash."""
    return 0.2 + int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27 / 2**29


def speech_commands(
    root: Path,
    words: Sequence[str] = ("yes", "no", "bed"),
    train: int = 3,
    dev: int = 1,
    test: int = 1,
    takes: int = 2,
    lists: bool = False,
    voices: bool = False,
) -> Path:
    """The training archive, with `train`, `dev` and `test` speakers, and the official lists if asked.

    The pitch is the word's, or with `voices` the speaker's.
    """
    speakers = hashed_speakers(train=train, dev=dev, test=test)
    clips = [
        Take(
            word,
            speaker,
            take,
            tone(
                200 + 150 * (voice if voices else pitch),
                0.6,
                f"{word}/{speaker}_nohash_{take}.wav",
                loudness=loudness_of(speaker),
            ),
        )
        for pitch, word in enumerate(words)
        for voice, speaker in enumerate(speakers)
        for take in range(takes)
    ]
    return speech_commands_layout.lay_out(root, clips, {"white_noise": tone(50, 3.5, "white_noise", 0.0)}, lists)


def speech_commands_test(root: Path, words: Sequence[str] = ("yes", "no"), each: int = 2) -> Path:
    """The test archive: the words, `_unknown_` and `_silence_`."""
    clips = []
    for pitch, word in enumerate((*words, "_unknown_", "_silence_")):
        for number in range(each):
            silent = word == "_silence_"
            name = f"{number}" if silent else f"0000000{number}_nohash_0"
            clips.append((word, name, tone(200 + 150 * pitch, 1.0, f"{word}/{name}.wav", 0.0 if silent else 0.3)))
    return speech_commands_layout.lay_out_test(root, clips)


def speech_commands_archives(folder: Path, **options: int) -> Path:
    """Both archives of the 12-class task under their own names; `options` are those of `speech_commands`."""
    full, test = FOLDERS
    speech_commands(folder / full, (*KEYWORDS, "bed"), takes=1, **options)
    speech_commands_test(folder / test, KEYWORDS, each=1)
    return folder


def voxceleb1(root: Path, speakers: int = 3, videos: int = 3, each: int = 2, test_speakers: int = 1) -> Path:
    """`each` utterances a video; the last speakers' lie in `test/`.

    As in VoxCeleb, the identification split holds out videos: the last video is test, the one before it dev.
    """
    clips = []
    for speaker in range(speakers):
        for video in range(videos):
            split = {videos - 1: "test", videos - 2: "dev"}.get(video, "train")
            for number in range(1, each + 1):
                name = f"vid-{video}_{speaker:04d}"
                samples = tone(200 + 150 * speaker, 0.8 + 0.1 * video, f"{name}/{number:05d}.wav")
                clips.append(Clip(speaker, name, number, split, samples))
    return voxceleb1_layout.lay_out(root, clips, range(speakers - test_speakers, speakers))


def iemocap(
    root: Path,
    sessions: int = 5,
    emotions: Sequence[str] = ("neu", "hap", "exc", "ang", "sad", "fru", "xxx"),
    each: int = 1,
) -> Path:
    """Two dialogs a session, each with `each` turns of an emotion by either speaker.

    As in IEMOCAP, dialogs are recorded twice (the markers on the woman, then on the man), every dialog has turns of
    both speakers, and some turns carry labels that no recipe uses.
    """
    pitches = {"neu": 200, "hap": 400, "exc": 420, "ang": 700, "sad": 1000}
    turns = []
    for session in range(1, sessions + 1):
        for marked in ("F_impro01", "M_script01_1"):
            dialog = f"Ses0{session}{marked}"
            for number, emotion in enumerate(emotions * each):
                for gender in "FM":
                    name = f"{dialog}_{gender}{number:03d}"
                    samples = tone(pitches.get(emotion, 150), 0.6 + 0.05 * number, f"{dialog}/{name}.wav")
                    turns.append(Turn(f"Session{session}", dialog, name, emotion, samples))
    return iemocap_layout.lay_out(root, turns)


SENTENCES = (
    "HE HOPED THERE WOULD BE STEW",
    "A COLD LUCID INDIFFERENCE REIGNED",
    "IT IS A JOYFUL QUIZ",
    "DON'T VEX PACK MY BOX",
)


def librispeech(
    root: Path, splits: Sequence[str] = SUBSETS, speakers: int = 2, each: int = 3, dev: int | None = None
) -> Path:
    """A chapter a speaker, no speaker in two subsets.

    Args:
        root: where; its name does not matter.
        splits: which subsets.
        speakers: how many in each.
        each: utterances a speaker.
        dev: utterances a speaker outside the training subsets; as many as `each` when None.
    """
    readings = []
    for place, split in enumerate(split for split in splits for _ in range(speakers)):
        speaker = 19 + place
        for number in range(each if dev is None or split.startswith("train") else dev):
            name = f"{10 * speaker}/{speaker}-{10 * speaker}-{number:04d}.flac"
            samples = tone(150 + 20 * (1 + place), 1.2 + 0.1 * number, name)
            sentence = SENTENCES[(speaker + number) % len(SENTENCES)]
            readings.append(Reading(split, speaker, 10 * speaker, number, sentence, samples))
    return librispeech_layout.lay_out(root, readings)
