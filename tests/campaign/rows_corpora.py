"""Kaldi folders, lhotse manifests and Hugging Face datasets that are not what they seem."""

from __future__ import annotations

import gzip
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from .row import ANALYZE, Content, Row

NAMES = [f"w{word}_{take}" for word in range(3) for take in range(4)]
SCP = "".join(f"{name} audio/{name}.wav\n" for name in NAMES)
SPEAKERS = "".join(f"{name} s{name[-1]}\n" for name in NAMES)
TEXT = "".join(f"{name} {name[:2]}\n" for name in NAMES)


def _stereo() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).uniform(-0.1, 0.1, (8000, 2)), 16_000, format="WAV")
    return file.getvalue()


#: What is wrong -> the files that differ from a folder that can be measured, and what the error says.
KALDI: dict[str, tuple[dict[str, Content], str | tuple[str, ...]]] = {
    "an empty wav.scp": ({"wav.scp": ""}, "wav.scp: is empty"),
    "UTF-16": ({"wav.scp": SCP.encode("utf-16")}, "UTF-8"),
    "a pipe": (
        {"wav.scp": SCP + "x sox a.wav -t wav - |\n", "text": TEXT + "x w0\n"},
        ("x:", "shell command", "--allow-pipes"),
    ),
    "a recording twice": ({"wav.scp": SCP + SCP[:20]}, "twice"),
    "a segment of no recording": ({"segments": "a gone 0 1\n"}, ("a:", "'gone'")),
    "a segment backwards": ({"segments": "a w0_0 1 0\n"}, "start < end"),
    "a segment beyond its file": ({"segments": "".join(f"{name} {name} 0 9\n" for name in NAMES)}, "ends at 9"),
    "an utterance without text": ({"text": TEXT[:20]}, ("text:", "no line")),
    "an utterance without speaker": ({"utt2spk": SPEAKERS[:20]}, ("utt2spk:", "no line")),
    "a file that is not there": ({"wav.scp": SCP.replace("w0_0.wav", "gone.wav")}, "gone.wav"),
    "a segment of a channel that is not there": ({"segments": "w0_0 w0_0 0 0.2 B\n"}, ("w0_0", "channel B of 1")),
    "a file in an archive": ({"wav.scp": SCP.replace("audio/w0_0.wav", "raw.ark:17")}, "raw.ark:17"),
}


def _zipped(*items: object) -> Callable[[Path, Path], object]:
    text = "".join(f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in items)
    return lambda path, material: path.write_bytes(gzip.compress(text.encode()))


def recording(kind: str = "file", source: str = "a.wav", channels: int = 1) -> dict[str, object]:
    sources = [{"type": kind, "channels": [*range(channels)], "source": source}]
    return {"id": "r", "sources": sources, "sampling_rate": 16_000, "num_samples": 16_000, "duration": 1.0}


def supervision(**changed: object) -> dict[str, object]:
    return {"id": "s", "recording_id": "r", "start": 0.0, "duration": 0.5, "text": "hi", **changed}


LHOTSE: dict[str, tuple[list[object], list[object], str | tuple[str, ...]]] = {
    "not JSON": ([recording()], ["{"], "supervisions"),
    "empty": ([recording()], [], "supervisions"),
    "an id twice": ([recording()], [supervision(), supervision()], "'s' twice"),
    "a missing recording": ([recording()], [supervision(recording_id="gone")], ("s:", "'gone'")),
    "a supervision beyond its recording": ([recording()], [supervision(duration=9.0)], ("s:", "9 s")),
    "one channel of two": ([recording(channels=2)], [supervision(channel=1)], ("s:", "channel 1 of 2")),
    "a command": ([recording("command", "sox a.wav -t wav -")], [supervision()], ("r:", "--allow-pipes")),
    "a URL": ([recording("url", "https://example.com/a.wav")], [supervision()], ("r:", "'url'")),
    "a duration that is text": ([recording()], [supervision(duration="long")], "another type"),
    "no duration": ([recording()], [supervision(duration=None)], "another type"),
    "an id that is a list": ([recording()], [supervision(id=["s"])], "cannot be read"),
    "other items": ([supervision()], [supervision()], "recordings"),
}

#: Names that lhotse itself takes for a shell command; what that would make is noticed as left behind.
PIPES = {f"pipe:touch PWNED; cat [{kind}]_{kind}.jsonl": "{" for kind in ("recordings", "supervisions")}

PARQUET: dict[str, tuple[bytes, str]] = {"empty": (b"", "m.parquet"), "torn": (b"PAR1\x15\x04" * 9, "m.parquet")}

ROWS = [
    *(
        Row(
            f"kaldi: {what}",
            f"{ANALYZE} --corpus data --root @. --label text --neighbors 2",
            says,
            {f"data/{name}": text for name, text in ({"wav.scp": SCP, "text": TEXT} | changed).items()},
        )
        for what, (changed, says) in KALDI.items()
    ),
    *(
        Row(
            f"lhotse: {what}",
            f"{ANALYZE} --corpus data --label text",
            says,
            {"data/recordings.jsonl.gz": _zipped(*first), "data/supervisions.jsonl.gz": _zipped(*second)},
        )
        for what, (first, second, says) in LHOTSE.items()
    ),
    Row("lhotse: a folder of shell commands", f"{ANALYZE} --corpus . --label text", "recordings", PIPES),
    Row(
        "lhotse: a file of cuts that is a shell command", f"{ANALYZE} --corpus {shlex.quote(min(PIPES))}", "cuts", PIPES
    ),
    Row(
        "kaldi: a segment of one channel of several",
        f"{ANALYZE} --corpus . --root . --label text",
        ("w0_0", "channel 1 of 2", "file of its own"),
        {"segments": "w0_0 both 0 0.2 1\n", "wav.scp": "both a.wav\n", "a.wav": _stereo(), "text": "w0_0 w0\n"},
    ),
    Row(
        "lhotse: recordings alone",
        f"{ANALYZE} --corpus data --label text",
        "supervisions.jsonl.gz is missing",
        {"data/recordings.jsonl.gz": _zipped(recording())},
    ),
    *(
        Row(f"huggingface: {what}", f"{ANALYZE} --corpus m.parquet", says, {"m.parquet": content})
        for what, (content, says) in PARQUET.items()
    ),
    Row(
        "huggingface: a saved dataset that is damaged",
        f"{ANALYZE} --corpus data",
        "data",
        {"data/state.json": "{", "data/dataset_info.json": "{}"},
    ),
    Row("corpus: a folder of something else", f"{ANALYZE} --corpus data", "a Kaldi folder", {"data/x.txt": ""}),
    Row("corpus: a file of something else", f"{ANALYZE} --corpus x.txt", "a Kaldi folder", {"x.txt": ""}),
]
