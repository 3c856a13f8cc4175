"""Synthetic speech for pretraining, in espeak-ng voices that the demo corpus does not use.

``python -m tools.pretrain.synthetic --text LINES.txt --hours 5 -o OUTPUT``
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from s3prl_convexprune.errors import AudioError, CorpusError
from tools.demo_corpus.engines import SAMPLE_RATE, speak
from tools.demo_corpus.voices import VOICES, Voice

_ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
_MINUTES_A_SPEAKER = 4.0


def speakers() -> list[Voice]:
    """Accent and variant combinations whose variant no voice of the demo corpus has."""
    import espeakng_loader

    used = {voice.voice.partition("+")[2] for voice in VOICES}
    variants = sorted(p.name for p in Path(espeakng_loader.get_data_path(), "voices", "!v").iterdir())
    free = [variant for variant in variants if variant not in used]
    return [
        Voice(f"{accent}+{variant}", "espeak", f"{accent}+{variant}", session=0, split="train")
        for number, variant in enumerate(free)
        for accent in (_ACCENTS[number % len(_ACCENTS)], _ACCENTS[(number + 2) % len(_ACCENTS)])
    ]


def speak_for(job: tuple[Voice, list[str], Path]) -> float:
    """Write one speaker's lines as one file.

    Args:
        job: who, what and the folder to make.

    Returns:
        Seconds of speech written; 0 when espeak-ng does not have the voice.
    """
    voice, lines, folder = job
    rng, pieces, total = random.Random(voice.speaker), [], 0
    for line in lines:
        try:
            samples = speak(voice, line, rng.uniform(0.8, 1.3), rng.uniform(0.9, 1.15), rng.uniform(0.6, 1.4))
        except AudioError:
            return 0.0
        pieces += [samples, np.zeros(SAMPLE_RATE // 10)]
        total += len(samples)
        if total > _MINUTES_A_SPEAKER * 60 * SAMPLE_RATE:
            break
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / "speech.flac", np.concatenate(pieces), SAMPLE_RATE)
    return total / SAMPLE_RATE


def main() -> None:
    """Write one folder a speaker until there are enough hours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True, help="one utterance a line")
    parser.add_argument("--hours", type=float, default=5.0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    text = [line.strip().lower() for line in options.text.read_text().splitlines() if line.strip()]
    if not text:
        raise SystemExit(f"error: {CorpusError(f'{options.text} has no line of text')}")
    jobs = []
    for voice in speakers()[: round(options.hours * 60 / _MINUTES_A_SPEAKER)]:
        lines = random.Random(f"lines {voice.speaker}").sample(text, len(text))
        jobs.append((voice, lines, options.output / voice.speaker))
    with ProcessPoolExecutor(options.processes) as pool:
        seconds = sum(tqdm(pool.map(speak_for, jobs), total=len(jobs), unit="speaker"))
    print(f"{seconds / 3600:.2f} h in {len(jobs)} voices")


if __name__ == "__main__":
    main()
