"""Tiny corpora of SUPERB's tasks that the package has no reader for, in the layouts that s3prl's recipes read."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import soundfile

from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.sampling import SAMPLE_RATE
from tests.tiny_corpora import tone, voxceleb1


def verification(root: Path, speakers: int) -> Path:
    """VoxCeleb1 with `veri_test2.txt`: all pairs of the last two speakers' files, 1 for one speaker, 0 for two."""
    voxceleb1(root, speakers, 2, 2, test_speakers=2)
    names = sorted(path.relative_to(root / "test" / "wav").as_posix() for path in root.glob("test/wav/*/*/*.wav"))
    pairs = itertools.combinations(names, 2)
    rows = [f"{int(one[:7] == other[:7])} {one} {other}\n" for one, other in pairs]
    (root / "veri_test2.txt").write_text("".join(rows))
    return root


def fluent_commands(root: Path) -> Path:
    """`data/{train,valid,test}_data.csv` with the columns of Fluent Speech Commands, and `wavs/speakers/...`."""
    intents = [("increase", "heat", "kitchen"), ("decrease", "volume", "none"), ("activate", "lights", "bedroom")]
    (root / "data").mkdir(parents=True)
    for split, speaker in (("train", "2BqVo8kVB2Skwgyb"), ("valid", "4BrX8aDqK2cLZRYl"), ("test", "52XVOeXMXYuaElyw")):
        rows = [",path,speakerId,transcription,action,object,location\n"]
        for number, intent in enumerate(intents * 2):
            path = f"wavs/speakers/{speaker}/{split}-{number}.wav"
            write_audio(root / path, tone(200 + 150 * (number % 3), 0.8, path))
            rows.append(f"{number},{path},{speaker},{' '.join(intent)},{','.join(intent)}\n")
        (root / "data" / f"{split}_data.csv").write_text("".join(rows))
    return root


#: For each recording of `libri2mix`, when its two speakers speak, in seconds.
LIBRI2MIX_TURNS = {"mix_0": ((0.0, 0.64), (0.4, 1.2)), "mix_1": ((0.2, 1.0), (0.8, 1.2))}


def libri2mix(root: Path) -> Path:
    """The Kaldi folders of s3prl's LibriMix fork: `{train,dev,test}/{wav.scp,segments,utt2spk,spk2utt,reco2dur}`."""
    for split in ("train", "dev", "test"):
        folder = root / split
        tables: dict[str, list[str]] = {name: [] for name in ("wav.scp", "segments", "utt2spk", "spk2utt", "reco2dur")}
        for recording, turns in LIBRI2MIX_TURNS.items():
            path = folder / "wav" / f"{recording}.wav"
            write_audio(path, tone(300, 1.2, recording))
            tables["wav.scp"].append(f"{recording} {path}\n")
            tables["reco2dur"].append(f"{recording} 1.2\n")
            for speaker, (begin, end) in enumerate(turns):
                name, utterance = f"{recording}_spk{speaker}", f"{recording}_spk{speaker}_utt"
                tables["segments"].append(f"{utterance} {recording} {begin} {end}\n")
                tables["utt2spk"].append(f"{utterance} {name}\n")
                tables["spk2utt"].append(f"{name} {utterance}\n")
        for name, lines in tables.items():
            (folder / name).write_text("".join(lines))
    return root


#: The document of `quesst14` that each query was cut out of.
QUESST14_ANSWERS = {f"quesst14_dev_{query:04d}": f"quesst14_{query + 1:05d}" for query in (0, 1)}


def quesst14(root: Path, rate: int = SAMPLE_RATE) -> Path:
    """QUESST 2014: `scoring/language_key_{utterances,dev,eval}.lst`, `Audio`, `dev_queries`, `eval_queries`.

    Each query is a piece of one English document, as it is. The real corpus has 8 kHz.
    """
    (root / "scoring").mkdir(parents=True)
    generator = np.random.default_rng(0)
    documents = []
    (root / "Audio").mkdir()
    for number in range(4):
        pitches = 150 + 400 * generator.random(6)
        time = np.arange(round(0.2 * rate)) / rate
        wav = np.concatenate([0.3 * np.sin(2 * np.pi * pitch * time) for pitch in pitches])
        documents.append(wav + 0.01 * generator.standard_normal(len(wav)))
        soundfile.write(root / "Audio" / f"quesst14_{number:05d}.wav", documents[-1], rate)
    keys = [f"quesst14Database/Audio/quesst14_{number:05d}.wav nnenglish\n" for number in range(4)]
    keys.append("quesst14Database/Audio/quesst14_00009.wav albanian\n")
    (root / "scoring" / "language_key_utterances.lst").write_text("".join(keys))
    for split in ("dev", "eval"):
        (root / f"{split}_queries").mkdir()
        lines = []
        for query in (0, 1):
            name = f"{split}_queries/quesst14_{split}_{query:04d}.wav"
            soundfile.write(root / name, documents[query + 1][rate // 5 : rate * 4 // 5], rate)
            lines.append(f"quesst14Database/{name} nnenglish\n")
        (root / "scoring" / f"language_key_{split}.lst").write_text("".join(lines))
    return root


def snips(root: Path) -> Path:
    """Audio SNIPS: `{train,valid,test}/SPEAKER-snips-SPLIT-N.wav`, transcripts with slots, `slots.txt`."""
    lines = []
    for split, speaker in (("train", "Ivy"), ("valid", "Aditi"), ("test", "Brian")):
        for number, word in enumerate(("JAZZ", "FOLK", "SOUL")):
            name = f"{speaker}-snips-{split}-{number}"
            write_audio(root / split / f"{name}.wav", tone(200 + 100 * number, 1.5, name))
            lines.append(f"{name} BOS PLAY {word} EOS\tO O genre PlayMusic\n")
    (root / "all.iob.snips.txt").write_text("".join(lines))
    (root / "slots.txt").write_text("O\ngenre\nartist\n")
    return root
