"""Tiny corpora in the exact layouts of the real ones, for tests.

Every utterance is a pure tone with a little noise: one pitch a class and one loudness a speaker, so that a
recipe has something to learn. Each builder returns the corpus root and writes the same bytes every time.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16_000
KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def write_tone(path: Path, seconds: float, pitch: float, loudness: float = 0.3) -> None:
    """Write a 16 kHz mono file: a tone of `pitch` Hz with noise that depends on the path's name alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    seed = int.from_bytes(hashlib.sha1(f"{path.parent.name}/{path.name}".encode()).digest()[:4], "big")
    noise = np.random.default_rng(seed).standard_normal(len(time))
    wav = loudness * np.sin(2 * np.pi * pitch * time) + 0.01 * noise
    soundfile.write(path, wav.astype(np.float32), SAMPLE_RATE, subtype="PCM_16")


def percentage(speaker: str) -> float:
    """Speech Commands' published rule: a speaker below 10 is validation, below 20 test, else training."""
    limit = 2**27 - 1
    return (int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (limit + 1)) * (100.0 / limit)


def speakers_by_split(train: int, dev: int, test: int = 0) -> list[str]:
    """Eight-digit speaker hashes, as many as asked for in each of the hash rule's splits."""
    wanted = {"dev": dev, "test": test, "train": train}
    chosen = []
    for number in itertools.count():
        speaker = f"{number * 2654435761 % 2**32:08x}"
        share = percentage(speaker)
        split = "dev" if share < 10 else "test" if share < 20 else "train"
        if wanted[split]:
            wanted[split] -= 1
            chosen.append(speaker)
        if not any(wanted.values()):
            return chosen
    raise AssertionError("unreachable")


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
    """The training archive: `WORD/HASH_nohash_N.wav`, `_background_noise_/`, the official lists if asked.

    The pitch is the word's, or with `voices` the speaker's.
    """
    files: dict[str, list[str]] = {"dev": [], "test": []}
    for pitch, word in enumerate(words):
        for voice, speaker in enumerate(speakers_by_split(train, dev, test)):
            share = percentage(speaker)
            for take in range(takes):
                name = f"{word}/{speaker}_nohash_{take}.wav"
                write_tone(root / name, 0.6, 200 + 150 * (voice if voices else pitch), 0.2 + share / 400)
                if share < 20:
                    files["dev" if share < 10 else "test"].append(name)
    write_tone(root / "_background_noise_" / "white_noise.wav", 3.5, 50, 0.0)
    (root / "_background_noise_" / "README.md").write_text("noise\n")
    if lists:
        (root / "validation_list.txt").write_text("".join(f"{name}\n" for name in files["dev"]))
        (root / "testing_list.txt").write_text("".join(f"{name}\n" for name in files["test"]))
    return root


def speech_commands_test(root: Path, words: Sequence[str] = ("yes", "no"), each: int = 2) -> Path:
    """The test archive: one folder for each of the 12 classes, `_unknown_` and `_silence_` included."""
    for pitch, word in enumerate((*words, "_unknown_", "_silence_")):
        for number in range(each):
            loudness = 0.0 if word == "_silence_" else 0.3
            name = f"{number}.wav" if word == "_silence_" else f"0000000{number}_nohash_0.wav"
            write_tone(root / word / name, 1.0, 200 + 150 * pitch, loudness)
    return root


def voxceleb1(
    root: Path,
    speakers: int = 3,
    videos: int = 3,
    each: int = 2,
    iden_split: bool = True,
    test_speakers: int = 1,
    trials: bool = False,
) -> Path:
    """`dev/wav/id10001/VIDEO/00001.wav`, `test/wav/...` for the last speakers, `iden_split.txt`, `veri_test2.txt`.

    As in VoxCeleb, the identification split holds out videos: the last video is test, the one before it dev. The
    trials of verification are all pairs of the test speakers' files: 1 for one speaker, 0 for two.
    """
    lines, test = [], []
    for number in range(speakers):
        speaker = f"id{10001 + number}"
        part = "test" if number >= speakers - test_speakers else "dev"
        for video in range(videos):
            subset = {videos - 1: 3, videos - 2: 2}.get(video, 1)
            for utterance in range(1, each + 1):
                name = f"{speaker}/vid-{video}_{number:04d}/{utterance:05d}.wav"
                write_tone(root / part / "wav" / name, 0.8 + 0.1 * video, 200 + 150 * number)
                lines.append(f"{subset} {name}\n")
                test += [name] * (part == "test")
    if iden_split:
        (root / "iden_split.txt").write_text("".join(lines))
    if trials:
        pairs = itertools.combinations(test, 2)
        rows = [f"{int(one[:7] == other[:7])} {one} {other}\n" for one, other in pairs]
        (root / "veri_test2.txt").write_text("".join(rows))
    return root


EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

{turns}"""
TURN = """[{start:.4f} - {end:.4f}]\t{name}\t{emotion}\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-F1:\tNeutral;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()

"""


def iemocap(
    root: Path,
    sessions: int = 5,
    emotions: Sequence[str] = ("neu", "hap", "exc", "ang", "sad", "fru", "xxx"),
    each: int = 1,
) -> Path:
    """`SessionN/dialog/EmoEvaluation/DIALOG.txt` and `SessionN/sentences/wav/DIALOG/DIALOG_F000.wav`.

    As in IEMOCAP, dialogs are recorded twice (the markers on the woman, then on the man), every dialog has
    turns of both speakers, some turns carry labels that no recipe uses, and the label folder has files beside
    the ones that count.
    """
    pitches = {"neu": 200.0, "hap": 400.0, "exc": 420.0, "ang": 700.0, "sad": 1000.0}
    for session in range(1, sessions + 1):
        folder = root / f"Session{session}"
        labels = folder / "dialog" / "EmoEvaluation"
        (labels / "Categorical").mkdir(parents=True)
        for marked, scene in (("F", "impro01"), ("M", "script01_1")):
            dialog = f"Ses0{session}{marked}_{scene}"
            turns = []
            for number, emotion in enumerate(emotions * each):
                for gender in "FM":
                    name = f"{dialog}_{gender}{number:03d}"
                    seconds = 0.6 + 0.05 * number
                    path = folder / "sentences" / "wav" / dialog / f"{name}.wav"
                    write_tone(path, seconds, pitches.get(emotion, 150.0))
                    turns.append(TURN.format(start=number, end=number + seconds, name=name, emotion=emotion))
            (labels / f"{dialog}.txt").write_text(EVALUATION.format(turns="".join(turns)))
            (labels / "Categorical" / f"{dialog}_e2_cat.txt").write_text("not a label file of ours\n")
    return root


SENTENCES = (
    "HE HOPED THERE WOULD BE STEW",
    "A COLD LUCID INDIFFERENCE REIGNED",
    "IT IS A JOYFUL QUIZ",
    "DON'T VEX PACK MY BOX",
)


def librispeech(
    root: Path,
    splits: Sequence[str] = ("train-clean-100", "dev-clean", "test-clean"),
    speakers: int = 2,
    each: int = 3,
    dev: int | None = None,
) -> Path:
    """`SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER-0000.flac` with `SPEAKER-CHAPTER.trans.txt`, and `SPEAKERS.TXT`.

    Args:
        root: where; its name does not matter.
        splits: which subsets.
        speakers: how many in each; no speaker is in two subsets.
        each: utterances a speaker.
        dev: utterances a speaker outside the training subsets; as many as `each` when None.
    """
    number = 18
    table = [";ID  |SEX| SUBSET           |MINUTES| NAME\n"]
    for split in splits:
        for _ in range(speakers):
            number += 1
            chapter = number * 10
            folder = root / split / str(number) / str(chapter)
            lines = []
            for index in range(each if dev is None or split.startswith("train") else dev):
                name = f"{number}-{chapter}-{index:04d}"
                sentence = SENTENCES[(number + index) % len(SENTENCES)]
                write_tone(folder / f"{name}.flac", 1.2 + 0.1 * index, 150 + 20 * (number - 18))
                lines.append(f"{name} {sentence}\n")
            (folder / f"{number}-{chapter}.trans.txt").write_text("".join(lines))
            table.append(f"{number:<5}| F | {split:<17}| 25.03 | Somebody\n")
    (root / "SPEAKERS.TXT").write_text("".join(table))
    return root


def spoken_segments(sentence: str, seconds: float) -> dict[str, list[tuple[float, float, str]]]:
    """A made-up alignment: 0.1 s of silence, words of equal length, one phone a letter, stressed vowels."""
    words = sentence.split()
    width = round((seconds - 0.1) / len(words), 4)
    tiers = {"words": [(0.0, 0.1, "")], "phones": [(0.0, 0.1, "sil")]}
    for index, word in enumerate(words):
        begin = round(0.1 + index * width, 4)
        end = seconds if index == len(words) - 1 else round(begin + width, 4)
        tiers["words"].append((begin, end, word.lower()))
        letters = re.sub(r"[^A-Z]", "", word)
        edges = [round(float(edge), 4) for edge in np.linspace(begin, end, len(letters) + 1)]
        tiers["phones"] += [
            (left, right, letter + ("H1" if letter in "AEIOU" else ""))
            for left, right, letter in zip(edges[:-1], edges[1:], letters, strict=True)
        ]
    return tiers


def utterances_of(root: Path) -> list[tuple[Path, str, float]]:
    """Every utterance of a LibriSpeech tree: file, transcript, seconds."""
    found = []
    for transcript in sorted(root.rglob("*.trans.txt")):
        for line in transcript.read_text().splitlines():
            name, sentence = line.split(" ", 1)
            path = transcript.parent / f"{name}.flac"
            found.append((path, sentence, soundfile.info(path).duration))
    return found


def textgrids(root: Path, folder: Path) -> Path:
    """Alignments of a LibriSpeech tree in the Montreal Forced Aligner's form and the corpus's own folders."""
    for path, sentence, seconds in utterances_of(root):
        tiers = spoken_segments(sentence, seconds)
        text = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {seconds}"]
        text += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
        for tier, (name, segments) in enumerate(tiers.items(), start=1):
            text += [f"    item [{tier}]:", '        class = "IntervalTier"', f'        name = "{name}"']
            text += ["        xmin = 0", f"        xmax = {seconds}"]
            text += [f"        intervals: size = {len(segments)}"]
            for index, (begin, end, label) in enumerate(segments, start=1):
                text += [f"        intervals [{index}]:", f"            xmin = {begin}"]
                text += [f"            xmax = {end}", f'            text = "{label}"']
        target = (folder / path.relative_to(root)).with_suffix(".TextGrid")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(text) + "\n")
    return folder


def ctm(root: Path, path: Path, tier: str) -> Path:
    """The same alignments as one CTM file of a tier: `UTTERANCE CHANNEL START DURATION LABEL` a line."""
    lines = []
    for audio, sentence, seconds in utterances_of(root):
        for begin, end, label in spoken_segments(sentence, seconds)[tier]:
            lines.append(f"{audio.stem} 1 {begin:.4f} {end - begin:.4f} {label or '<eps>'}\n")
    path.write_text(";; made by a test\n" + "".join(lines))
    return path


def fluent_commands(root: Path) -> Path:
    """`data/{train,valid,test}_data.csv` with the columns of Fluent Speech Commands, and `wavs/speakers/...`."""
    intents = [("increase", "heat", "kitchen"), ("decrease", "volume", "none"), ("activate", "lights", "bedroom")]
    (root / "data").mkdir(parents=True)
    for split, speaker in (("train", "2BqVo8kVB2Skwgyb"), ("valid", "4BrX8aDqK2cLZRYl"), ("test", "52XVOeXMXYuaElyw")):
        rows = [",path,speakerId,transcription,action,object,location\n"]
        for number, intent in enumerate(intents * 2):
            path = f"wavs/speakers/{speaker}/{split}-{number}.wav"
            write_tone(root / path, 0.8, 200 + 150 * (number % 3))
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
            write_tone(path, 1.2, 300)
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
            write_tone(root / split / f"{name}.wav", 1.5, 200 + 100 * number)
            lines.append(f"{name} BOS PLAY {word} EOS\tO O genre PlayMusic\n")
    (root / "all.iob.snips.txt").write_text("".join(lines))
    (root / "slots.txt").write_text("O\ngenre\nartist\n")
    return root
