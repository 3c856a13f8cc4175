"""Made-up alignments of a LibriSpeech tree, in the two forms that aligners write."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile


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
