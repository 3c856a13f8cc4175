"""What goes through the upstream together, planned once from the utterances and their files' headers.

Files are sorted by length, so that little of a batch is padding. The plan depends on the utterances and on how they are
batched alone: whoever runs it, in however many processes, runs the same batches, and so gets the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..corpora.audio import SHORTEST, samples_between
from ..corpora.audio_header import Header, read_header
from ..corpora.manifest import Utterance
from ..errors import ConfigError, CorpusError
from ..sampling import SAMPLE_RATE

logger = logging.getLogger(__name__)

BATCH_SECONDS, CPU_BATCH_SECONDS = 32.0, 16.0
MOST_PADDING = 0.05
CONTEXT_SECONDS = 5.0


def batch_seconds(device: str) -> float:
    """How much audio a batch holds on a device: what fills a GPU, or what the caches of a CPU do not spill.

    >>> batch_seconds("cuda:1"), batch_seconds("cpu")
    (32.0, 16.0)
    """
    return CPU_BATCH_SECONDS if device.startswith("cpu") else BATCH_SECONDS


@dataclass(frozen=True)
class Batching:
    """How utterances go through the upstream.

    Args:
        padded: whether files of unequal length share a batch; otherwise a batch holds one length.
        seconds: audio a batch at most, padding included; a longer file is a batch of its own.
        most_padding: of a batch, the share that may be padding; less of it is worth more batches where few files are
            far apart in length.
        longest: samples beyond which a file shares a batch with its own length only.
        window: seconds that are heard at once of a longer file; None hears it whole.
        context: seconds of a window, on either side, that are heard and whose frames belong to its neighbours.
        cut_out: whether a segment is cut out of its file before the upstream hears it; otherwise its frames are taken
            from states that heard the whole file.

    Raises:
        ConfigError: a window that is nothing but context.
    """

    padded: bool = False
    seconds: float = BATCH_SECONDS
    most_padding: float = MOST_PADDING
    longest: int | None = None
    window: float | None = None
    context: float = CONTEXT_SECONDS
    cut_out: bool = False

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 2 * self.context + 1:
            raise ConfigError(
                f"--window {self.window:g}: {self.context:g} s on either side are context; give at least "
                f"{2 * self.context + 1:g} s"
            )

    @property
    def longest_read(self) -> float | None:
        """Samples of a clip beyond which it is read piece by piece, at 16 kHz."""
        return None if self.window is None else self.window * SAMPLE_RATE


class Clip(NamedTuple):
    """What is heard of a file: all of it, or a segment, in seconds."""

    path: Path
    start: float = 0.0
    end: float = float("inf")

    @property
    def segment(self) -> tuple[float, float] | None:
        """Its start and end; None for the whole file."""
        return None if self.end == float("inf") else (self.start, self.end)


@dataclass(frozen=True)
class Batch:
    """Clips that go through the upstream together.

    Args:
        clips: files, or segments of them.
        rows: for each clip, the utterances (by their place in the sample) that lie in it.
        cut: the utterances whose end is cut off.
        seconds: of audio, without padding.
        headers: of the clips' files, where they have been read.
    """

    clips: tuple[Clip, ...]
    rows: tuple[tuple[int, ...], ...]
    cut: int = 0
    seconds: float = field(default=0.0, compare=False)
    headers: tuple[Header | None, ...] = field(default=(), compare=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """The clips' audio files."""
        return tuple(clip.path for clip in self.clips)


@dataclass(frozen=True)
class Lengths:
    """What the files' headers say.

    Args:
        utterances: the sample.
        samples: the length that every file will be padded or cut to, at 16 kHz; None leaves it as it is.
        cut_out: whether segments are clips of their own; otherwise files are.
        header_of: what reads the header of a file.

    Attributes:
        rows: clip -> the utterances that lie in it.
        of: clip -> its samples at 16 kHz, then what else tells it from one of exactly that length.
        cut: clip -> the utterances whose end is cut off.
        headers: file -> its header.

    Raises:
        AudioError: a file is missing, unreadable or empty.
        CorpusError: a segment ends after its file does, or there are segments and `samples`.
    """

    rows: dict[Clip, tuple[int, ...]]
    of: dict[Clip, tuple[int, int, int]]
    cut: dict[Clip, int]
    headers: dict[Path, Header] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        utterances: Sequence[Utterance],
        samples: int | None = None,
        cut_out: bool = False,
        header_of: Callable[[Path], Header] = read_header,
    ) -> Lengths:
        """Read every file's header, and nothing else."""
        rows_of: dict[Path, list[int]] = defaultdict(list)
        for row, utterance in enumerate(utterances):
            rows_of[utterance.path].append(row)
        rows: dict[Clip, list[int]] = defaultdict(list)
        of: dict[Clip, tuple[int, int, int]] = {}
        cut: dict[Clip, int] = {}
        headers: dict[Path, Header] = {}
        for path in sorted(rows_of):
            header = headers[path] = header_of(path)
            frames, rate = header.frames, header.rate
            for row in rows_of[path]:
                start, end = utterances[row].start, utterances[row].end
                if samples is not None and end is not None:
                    raise CorpusError(
                        f"{path}: is cut into segments; waveforms of {samples} samples are whole files (--protocol "
                        "exact takes segments)"
                    )
                if end is not None and end > frames / rate + 0.025:
                    raise CorpusError(f"{path}: a segment ends at {end} s and the file at {frames / rate:.3f} s")
                clip = Clip(path, start, end) if cut_out and start is not None and end is not None else Clip(path)
                rows[clip].append(row)
                first, stop = (0, frames) if clip.segment is None else samples_between(header, *clip.segment)
                length = -(-(stop - first) * SAMPLE_RATE // rate)
                if clip.segment is not None:
                    length = max(SHORTEST, length)
                too_long = samples is not None and frames * SAMPLE_RATE > samples * rate
                cut[clip] = len(rows[clip]) if too_long else 0
                of[clip] = (length, stop - first, rate) if samples is None else (samples, 0, 0)
        if any(cut.values()):
            longer = sum(map(bool, cut.values()))
            logger.warning("%d of %d files are longer than %d samples and are cut there", longer, len(of), samples)
        return cls({clip: tuple(own) for clip, own in rows.items()}, of, cut, headers)


def plan_batches(lengths: Lengths, batching: Batching | None = None) -> list[Batch]:
    """Put clips into batches, shortest first.

    Args:
        lengths: the clips.
        batching: how; by equal lengths when None.
    """
    return [
        Batch(
            tuple(clips),
            tuple(lengths.rows[clip] for clip in clips),
            sum(lengths.cut[clip] for clip in clips),
            sum(lengths.of[clip][0] for clip in clips) / SAMPLE_RATE,
            tuple(lengths.headers.get(clip.path) for clip in clips),
        )
        for clips in _together(lengths.of, batching or Batching())
    ]


def _together(lengths: dict[Clip, tuple[int, int, int]], batching: Batching) -> Iterator[list[Clip]]:
    """Clips in order of their length, as many at a time as a batch takes."""
    clips: list[Clip] = []
    heard = 0
    for clip in sorted(lengths, key=lambda clip: (lengths[clip], clip)):
        samples = lengths[clip][0]
        whole = (len(clips) + 1) * samples
        together = bool(clips) and lengths[clip] == lengths[clips[-1]]
        if batching.padded and (batching.longest is None or samples <= batching.longest):
            together = whole - heard - samples <= batching.most_padding * whole
        if clips and not (together and whole <= batching.seconds * SAMPLE_RATE):
            yield clips
            clips, heard = [], 0
        clips.append(clip)
        heard += samples
    if clips:
        yield clips


def plan_sha256(batches: Sequence[Batch]) -> str:
    """SHA-256 over which utterances go together, in which order; not over where the files lie."""
    return hashlib.sha256(json.dumps([batch.rows for batch in batches]).encode()).hexdigest()
