"""Make the demo corpus: ``python -m tools.demo_corpus -o FOLDER``.

Every clip depends on its own name alone (texts, voice, style and a random stream seeded by the name),
so any clip can be made again by itself. With the engine versions in ``engines.json`` the files come
out byte for byte; another libsndfile or libopus may encode the same samples differently.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import firwin2, lfilter
from tqdm import tqdm

from .engines import SAMPLE_RATE, engine_versions, speak
from .opus import encode_opus
from .texts import PHRASES, STYLES, WORD_SPLITS, WORDS, Style, sentences
from .voices import VOICES, Voice

RENDERINGS = 2
SENTENCES_A_SPEAKER = 10
NOISES = {"white": 0.0, "pink": -0.5, "brown": -1.0}
"""Spectral slope of each noise: amplitude proportional to frequency ** slope."""
NOISE_SECONDS = 3.0
_MARGIN_SECONDS = 0.03
_LEVEL = 0.06


@dataclass(frozen=True)
class Clip:
    """One file of the corpus and its row in the manifest; an empty field says that it has no such label."""

    path: str
    kind: str
    word: str = ""
    speaker: str = ""
    style: str = ""
    transcript: str = ""
    split: str = ""
    speaker_split: str = ""
    session: str = ""


def clips() -> Iterator[Clip]:
    """Every clip of the corpus, in the manifest's order."""
    for voice in VOICES:
        yield from _clips_of(voice)
    for noise in NOISES:
        for split in ("train", "test"):
            yield Clip(f"clips/noise/{noise}_{split}.opus", "noise", split=split)


def _clips_of(voice: Voice) -> Iterator[Clip]:
    def clip(name: str, kind: str, **labels: str) -> Clip:
        path, session = f"clips/{voice.speaker}/{name}.opus", f"Session{voice.session}"
        return Clip(path, kind, speaker=voice.speaker, split=voice.split, session=session, **labels)

    for word in WORDS:
        for take in range(RENDERINGS):
            split = WORD_SPLITS[word]
            yield clip(f"word_{word}_{take}", "word", word=word, transcript=word, speaker_split=split)
    for style in STYLES:
        for number, phrase in enumerate(PHRASES):
            yield clip(f"{style}_{number}", "phrase", style=style, transcript=phrase)
    same_split = [other.speaker for other in VOICES if other.split == voice.split]
    first = same_split.index(voice.speaker) * SENTENCES_A_SPEAKER
    texts = sentences(voice.split)
    for number in range(SENTENCES_A_SPEAKER):
        yield clip(f"sentence_{number}", "sentence", transcript=texts[(first + number) % len(texts)])


def make_clip(clip: Clip) -> np.ndarray:
    """The samples of a clip before encoding: float64, 16 kHz.

    Rate and pitch are drawn around the voice's and style's own (5 % and 3 %), silence is trimmed to
    30 ms, faint pink noise is added (25 to 40 dB below the speech), and the level is set to one RMS.
    """
    seed = int.from_bytes(hashlib.sha256(clip.path.encode()).digest()[:8], "little")
    rng = np.random.Generator(np.random.PCG64(seed))
    if clip.kind == "noise":
        slope = NOISES[Path(clip.path).stem.split("_")[0]]
        return _LEVEL / 3 * _coloured_noise(round(NOISE_SECONDS * SAMPLE_RATE), slope, rng)
    voice = next(voice for voice in VOICES if voice.speaker == clip.speaker)
    style = STYLES[clip.style or "neutral"]
    rate, pitch = np.exp(rng.normal(0, (0.05, 0.03)).clip(-0.12, 0.12))
    speech = speak(voice, clip.transcript, style.rate * rate, style.pitch * pitch, style.range)
    speech = _tilted(_trimmed(speech), style)
    speech = speech / np.sqrt(np.mean(speech**2))
    noise = _coloured_noise(len(speech), -0.5, rng)
    samples = _LEVEL * (speech + noise * 10 ** (-rng.uniform(25, 40) / 20))
    return samples * min(1.0, 0.9 / np.abs(samples).max())


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Without the silence at the ends, but for a margin."""
    width = SAMPLE_RATE // 100
    energy = np.convolve(samples**2, np.ones(width) / width, "same")
    loud = np.flatnonzero(energy > 1e-4 * energy.max())
    margin = round(_MARGIN_SECONDS * SAMPLE_RATE)
    return np.pad(samples[loud[0] : loud[-1] + 1], margin)


def _tilted(samples: np.ndarray, style: Style) -> np.ndarray:
    """With the style's spectral tilt: linear phase, straight in dB from 0 Hz to 4 kHz, flat above."""
    if style.tilt == 0:
        return samples
    frequency = np.array([0, 1000, 2000, 3000, 4000, 8000])
    gain = 10 ** (style.tilt * np.minimum(frequency / 4000, 1) / 20)
    taps = firwin2(65, frequency, gain, fs=2 * frequency[-1])
    return np.asarray(lfilter(taps, 1.0, samples))


def _coloured_noise(length: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit RMS whose amplitude spectrum goes as frequency ** slope above 50 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * np.maximum(frequency, 50.0) ** slope, length)
    return noise / np.sqrt(np.mean(noise**2))


def make_corpus(folder: Path) -> None:
    """Write clips, ``manifest.csv`` and ``engines.json``.

    Args:
        folder: made if it is not there; files of the same name are overwritten.

    Raises:
        AudioError: an engine is missing.
    """
    rows = []
    for clip in tqdm(list(clips()), desc="clips", unit="clip"):
        path = folder / clip.path
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = make_clip(clip)
        encoded = encode_opus(samples, SAMPLE_RATE)
        path.write_bytes(encoded)
        seconds = f"{len(samples) / SAMPLE_RATE:.3f}"
        rows.append(asdict(clip) | {"seconds": seconds, "sha256": hashlib.sha256(encoded).hexdigest()})
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    fingerprint = hashlib.sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()
    versions = engine_versions() | {"libsndfile": soundfile.__libsndfile_version__, "numpy": np.__version__}
    record = {"versions": versions, "clips": len(rows), "fingerprint": fingerprint}
    (folder / "engines.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    make_corpus(parser.parse_args().output)
