"""Audio files that are not what they say, one among good ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .row import ANALYZE, Content, Row


def audio(samples: Any, rate: int = 16_000, **options: Any) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, rate, **{"format": "WAV", **options})
    return content.getvalue()


def noise(seconds: float = 0.5) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=int(16_000 * seconds))


def put(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


def flip(content: bytes) -> bytes:
    at = 2 * len(content) // 3
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


WAV = audio(noise())
FLAC, MP3 = audio(noise(), format="FLAC"), audio(noise(), format="MP3")
VORBIS, OPUS = (audio(noise(), format="OGG", subtype=codec) for codec in ("VORBIS", "OPUS"))
FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read"),
    "text": (b"this is no audio", "cannot be read"),
    "zeros": (bytes(4000), "cannot be read"),
    "a header alone": (WAV[:44], "cut short"),
    "half a header": (WAV[:20], "cannot be read"),
    "no samples": (audio(np.zeros(0)), "empty"),
    "24 ms": (audio(noise(0.024)), "25 ms"),
    "NaN": (audio(np.full(4000, np.nan), subtype="FLOAT"), "NaN"),
    "infinity": (audio(np.append(noise(), np.inf), subtype="DOUBLE"), "infinite"),
    "channels that cancel": (audio(noise()[:, None] * [1, -1]), "cancel"),
    "cut short": (half(WAV), "cut short"),
    "a claim of 8 hours": (put(WAV, 40, 8 * 3600 * 32_000), "cut short"),
    "a rate of 0": (put(WAV, 24, 0), "cannot be read"),
    "a rate of 1 Hz": (put(WAV, 24, 1), "1 Hz"),
    "a rate of 2 GHz": (put(WAV, 24, 2**31 - 1), "Hz"),
    "a rate that cannot be resampled": (put(WAV, 24, 44_101), "44101 Hz"),
    "60000 channels": (WAV[:22] + (60_000).to_bytes(2, "little") + WAV[24:], "cannot be read"),
    "FLAC cut short": (half(FLAC), "cannot be read"),
    "FLAC with a flipped bit": (flip(FLAC), "cannot be read"),
    "Vorbis cut short": (half(VORBIS), "cut short"),
    "Vorbis with a flipped bit": (flip(VORBIS), "damaged"),
    "Opus cut short": (half(OPUS), "cut short"),
    "Opus with a flipped bit": (flip(OPUS), "damaged"),
    "MP3 cut short": (half(MP3), "bad.wav"),
}


def _manifest(path: Path, material: Path) -> None:
    rows = [f"{material}/audio/w{word}_{take}.wav,w{word}" for word in range(3) for take in range(3)]
    path.write_text("\n".join(["path,word", *rows, "bad.wav,w0"]) + "\n")


def _silence(path: Path, material: Path) -> None:
    for number in range(6):
        (path.parent / f"{number}.wav").write_bytes(audio(np.zeros(8000 + number)))
    path.write_text("path,word\n" + "".join(f"{number}.wav,w{number % 2}\n" for number in range(6)))


COMMAND = f"{ANALYZE} --corpus m.csv --neighbors 3"
MANIFEST: dict[str, Content] = {"m.csv": _manifest}
RAW: dict[str, Content] = {"m.csv": "path,word\n" + "".join(f"{n}.RAW,w{n % 2}\n" for n in range(4))}
RAW |= {f"{n}.RAW": noise().astype("<i2").tobytes() for n in range(4)}
WORK = ("out.json.work", "out.json.work/*")  # of the files before the bad one, kept for the next call
ROWS = [
    *(
        Row(f"audio: {what}", COMMAND, ("bad.wav", says), {**MANIFEST, "bad.wav": content}, leaves=WORK)
        for what, (content, says) in FILES.items()
    ),
    Row("audio: samples without a header", COMMAND, ("0.RAW", "without a header", "WAV or FLAC"), RAW),
    Row(
        "audio: nothing but silence",
        f"{ANALYZE} --corpus s/m.csv --neighbors 2",
        "copies of one point",
        {"s/m.csv": _silence},
        leaves=("*",),
    ),
    Row(
        "audio: one file of silence",
        COMMAND,
        "digital silence",
        {**MANIFEST, "bad.wav": audio(np.zeros(8000))},
        status=0,
        leaves=("out.*",),
    ),
    Row(
        "audio: a stream of unknown length",
        COMMAND,
        "most convex",
        {**MANIFEST, "bad.wav": put(WAV, 40, 2**32 - 1)},
        status=0,
        leaves=("out.*",),
    ),
]
