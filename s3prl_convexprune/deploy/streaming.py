"""Labels while somebody speaks: a window slides over a stream of samples, an exported folder answers for each place.

An encoder sees one window as if it were the whole utterance, so a word that a window cuts is heard in part.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import ArtifactError, AudioError, ConfigError
from ..numbers import HOP, SECONDS
from ..sampling import SAMPLE_RATE
from .answer import Answer, likeliest
from .predict import Predictor, load

BLOCK = 1 << 16  # bytes read at once, if so many are there
FILES = {b"RIFF": "a WAV file", b"fLaC": "a FLAC file", b"OggS": "an Ogg file", b"ID3": "an MP3 file"}


@dataclass(frozen=True)
class Heard:
    """What one window holds.

    Attributes:
        start: where the window begins in the stream, in seconds.
        end: where it ends.
        answer: what `deploy.predict.Predictor` says of it, of the labels the likeliest.
        latency_ms: from the whole window to its answer.
    """

    start: float
    end: float
    answer: Answer
    latency_ms: float


def stream(
    folder: str | Path,
    wav: str | Path | Iterable[np.ndarray],
    *,
    chunk: float = 1.0,
    hop: float | None = None,
    top: int = 3,
    threads: int | None = None,
) -> Iterator[Heard]:
    """The likeliest labels, or the text, of each window of a stream, as soon as the window is full.

    Args:
        folder: what `export --format onnx --head` wrote.
        wav: an audio file, or blocks of samples as they come, each float32 `[samples]` of any length at 16 kHz.
        chunk: length of a window in seconds.
        hop: from the start of one window to the next, at most `chunk`; a quarter of it when None.
        top: labels a window, or a slot.
        threads: how many the graph may use; all of them when None.

    Returns:
        One `Heard` a window. The last is shorter where the stream ends within one; a rest that is too short for the
        front end is left out.

    Raises:
        ConfigError: a length that cannot be.
        ArtifactError: see `deploy.predict.Predictor`; or the folder was exported without labels.
        AudioError: the file cannot be read, or the stream ends before there is enough for one answer.
    """
    SECONDS.check("chunk", chunk)
    hop = HOP.check("hop", chunk / 4 if hop is None else hop)
    if hop > chunk:
        raise ConfigError(
            f"hop {hop:g}: expected at most the chunk's {chunk:g} s, or samples between two are not heard"
        )
    predictor = load(folder, threads)
    if not predictor.facts.labels:
        raise ArtifactError(f"{folder}: was exported without a head; export it with --head")
    if isinstance(wav, (str, Path)):
        from ..corpora.audio import load_audio

        wav = [load_audio(wav)]
    return _answers(predictor, wav, round(chunk * SAMPLE_RATE), round(hop * SAMPLE_RATE), top)


def _answers(predictor: Predictor, blocks: Iterable[np.ndarray], chunk: int, hop: int, top: int) -> Iterator[Heard]:
    shortest = predictor.facts.shortest
    answered = False
    for start, window in windows(blocks, max(chunk, shortest), hop):
        if len(window) < shortest:
            break
        began = time.perf_counter()
        answer = likeliest(predictor(window), top)
        answered = True
        end = (start + len(window)) / SAMPLE_RATE
        yield Heard(start / SAMPLE_RATE, end, answer, 1e3 * (time.perf_counter() - began))
    if not answered:
        raise AudioError(
            f"the stream ended before there was enough for one answer; expected {shortest} samples or more"
        )


def windows(blocks: Iterable[np.ndarray], chunk: int, hop: int) -> Iterator[tuple[int, np.ndarray]]:
    """Windows over a stream, each as soon as it is full.

    Args:
        blocks: samples `[n]` as they come.
        chunk: samples of a window.
        hop: samples from the start of one to the start of the next, at most `chunk`.

    Returns:
        Where each begins, and its samples. What no full window had comes last, in a shorter one.

    >>> [(start, len(window)) for start, window in windows([np.zeros(3), np.zeros(4)], chunk=4, hop=2)]
    [(0, 4), (2, 4), (4, 3)]
    """
    kept, start, fresh = np.zeros(0, np.float32), 0, 0
    for block in blocks:
        kept, fresh = np.concatenate([kept, block]), fresh + len(block)
        while len(kept) >= chunk:
            yield start, kept[:chunk]
            kept, start, fresh = kept[hop:], start + hop, len(kept) - chunk
    if fresh:
        yield start, kept


def pcm(file: BinaryIO) -> Iterator[np.ndarray]:
    """Samples from a pipe of raw PCM, 16 kHz, mono, 16 bit little-endian, as `arecord` and `sox` write it.

    Args:
        file: unbuffered, or with a ``read1`` that gives what is there.

    Raises:
        AudioError: nothing comes, a file with a header does, or the end is in the middle of a sample.
    """
    read = getattr(file, "read1", file.read)
    head = b""
    while len(head) < max(map(len, FILES)) and (more := read(BLOCK)):
        head += more
    if not head:
        raise AudioError("stdin is empty; expected raw PCM: 16 kHz, mono, 16 bit little-endian")
    for magic, what in FILES.items():
        if head.startswith(magic):
            raise AudioError(
                f"stdin holds {what}, not raw PCM; name the file, or take its header off: sox FILE -t raw -"
            )
    rest = b""
    for data in chain([head], iter(lambda: read(BLOCK), b"")):
        data = rest + data
        whole = len(data) - len(data) % 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768
    if rest:
        raise AudioError("stdin ended in the middle of a sample; expected raw PCM of 16 bit, two bytes a sample")
