"""What eight bits lose, measured on a user's own recordings: of the hidden states, and of the task's score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..corpora.audio import SHORTEST, load_audio, samples_between
from ..corpora.audio_header import read_header
from ..corpora.manifest import Utterance, read_manifest
from ..errors import AudioError, CorpusError, nearest
from ..fingerprint import file_sha256
from ..progress import progress_bar
from ..results.bootstrap import paired_difference
from ..results.predictions import word_errors
from ..sampling import SAMPLE_RATE
from ..tasks.table import TASKS
from .exported import Measured, Score, TextScore
from .head import Head

TRANSCRIPT = "transcript"
FEWEST = 10  # utterances that a loss is measured on


@dataclass(frozen=True)
class Recordings:
    """The recordings that a loss is measured on; `truth` is what a head should say of each, if there is one."""

    manifest: Path
    rows: tuple[Utterance, ...]
    truth: tuple[tuple[str, ...], ...] = ()


def read_recordings(manifest: str | Path, head: Head | None) -> Recordings:
    """The rows of a manifest that belong to the split ``test``, or all of them where it has none.

    Args:
        manifest: a CSV file, see `corpora.manifest`.
        head: the head whose labels it has in the column of its task (``word``, ``speaker``, ``emotion``), or in those
            of its slots; the column ``transcript`` for ASR.

    Raises:
        CorpusError: it cannot be read, has too few rows, or has no labels of that head.
    """
    rows = read_manifest(manifest)
    rows = [row for row in rows if row.split == "test"] or rows
    if len(rows) < FEWEST:
        raise CorpusError(f"--measure {manifest}: has {len(rows)} utterances to measure on; expected {FEWEST} or more")
    if head is None:
        return Recordings(Path(manifest), tuple(rows))
    return Recordings(Path(manifest), tuple(rows), tuple(_truth(f"--measure {manifest}", row, head) for row in rows))


def _truth(where: str, row: Utterance, head: Head) -> tuple[str, ...]:
    if head.returns == "characters":
        return tuple(_column(where, row, TRANSCRIPT).split())
    slots, start, truth = head.slots or ((TASKS[head.task].label, len(head.labels)),), 0, []
    for kind, count in slots:
        label, known = _column(where, row, kind), head.labels[start : start + count]
        if label not in known:
            raise CorpusError(f"{where}: the head knows no {kind} {label!r} ({row.path.name}){nearest(label, known)}")
        truth.append(label)
        start += count
    return tuple(truth)


def _column(where: str, row: Utterance, kind: str) -> str:
    if (label := row.labels.get(kind)) is None:
        raise CorpusError(f"{where}: {row.path.name} has no label {kind!r}{nearest(kind, row.labels)}")
    return label


def measure_loss(
    recordings: Recordings, full: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], eight: Any, head: Head | None
) -> Measured:
    """How far a graph in eight bits is from torch on recordings.

    Args:
        recordings: see `read_recordings`.
        full: from a waveform `[samples]` to what torch answers, and to the hidden states
            `[layers + 1, batch, frames, width]`.
        eight: a session of the graph, which gives the same two.
        head: the trained head, if there is one.
    """
    apart, size, seconds = 0.0, 0.0, 0.0
    said: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for row in progress_bar(recordings.rows, desc="measuring the loss", unit="utterance"):
        wav = _samples(row)
        seconds += len(wav) / SAMPLE_RATE
        truth, states = full(wav)
        found, found_states = eight.run(None, {"wav": wav[None]})
        apart = apart + np.square(found_states - states, dtype=np.float64).sum(axis=(1, 2, 3))
        size = size + np.square(states, dtype=np.float64).sum(axis=(1, 2, 3))
        if head is not None:
            said.append((head.said(truth[0]), head.said(found[0])))
    return Measured(
        manifest=recordings.manifest.name,
        manifest_sha256=file_sha256(recordings.manifest),
        utterances=len(recordings.rows),
        seconds=seconds,
        relative=tuple(float(value) for value in np.sqrt(apart / size)),
        score=None if head is None else _judge(head, said, recordings.truth),
    )


def _samples(row: Utterance) -> np.ndarray:
    if row.start is None or row.end is None:
        return load_audio(row.path)
    header = read_header(row.path)
    first, stop = samples_between(header, row.start, row.end)
    if (length := (stop - first) * SAMPLE_RATE // header.rate) < SHORTEST:
        raise AudioError(
            f"{row.path} from {row.start:g} to {row.end:g} s: has {length} samples, expected {SHORTEST} or more"
        )
    return load_audio(row.path, (row.start, row.end))


Said = Sequence[tuple[tuple[str, ...], tuple[str, ...]]]


def _judge(head: Head, said: Said, truth: Sequence[tuple[str, ...]]) -> Score | TextScore:
    if head.returns == "characters":
        return _text_score(head.task, said, truth)
    wrong = np.array([[one != right for one in both] for both, right in zip(said, truth, strict=True)])
    return _score(head.task, *wrong.T)


def _score(task: str, full_wrong: np.ndarray, eight_wrong: np.ndarray) -> Score:
    from scipy.stats import binomtest

    lost, gained = int((eight_wrong & ~full_wrong).sum()), int((full_wrong & ~eight_wrong).sum())
    errors: Sequence[np.ndarray] = [wrong.astype(np.float64) for wrong in (eight_wrong, full_wrong)]
    difference = paired_difference([errors[0]], [errors[1]], [np.ones(len(full_wrong))], higher_is_better=True)
    return Score(
        task=task,
        full=100 * float(1 - full_wrong.mean()),
        eight=100 * float(1 - eight_wrong.mean()),
        difference=(difference.value, difference.low, difference.high),
        lost=lost,
        gained=gained,
        # McNemar's test, exact: were both equally good, each answer that one alone has right is a fair coin
        p=float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0,
    )


def _text_score(task: str, said: Said, truth: Sequence[tuple[str, ...]]) -> TextScore:
    errors, words = _errors(said, truth)
    characters, letters = _errors([(" ".join(one), " ".join(other)) for one, other in said], [*map(" ".join, truth)])
    difference = paired_difference([errors[1]], [errors[0]], [words], higher_is_better=False)
    full, eight = errors.sum(1) / words.sum()
    full_characters, eight_characters = characters.sum(1) / letters.sum()
    return TextScore(
        task=task,
        full=100 * float(full),
        eight=100 * float(eight),
        difference=(difference.value, difference.low, difference.high),
        full_characters=100 * float(full_characters),
        eight_characters=100 * float(eight_characters),
    )


def _errors(said: Any, truth: Any) -> tuple[np.ndarray, np.ndarray]:
    """Errors of torch and of the graph, ``[2, utterances]``, and the lengths of what is right; words or characters."""
    wrong = [[word_errors(one, right) for one in both] for both, right in zip(said, truth, strict=True)]
    return np.array(wrong, np.float64).T, np.array([len(right) for right in truth], np.float64)
