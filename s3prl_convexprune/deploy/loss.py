"""What eight bits lose, measured on a user's own recordings: of the hidden states, and of the task's score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..corpora.audio import SHORTEST, load_audio
from ..corpora.manifest import Utterance, read_manifest
from ..errors import AudioError, CorpusError, nearest
from ..fingerprint import file_sha256
from ..progress import progress_bar
from ..results.bootstrap import paired_difference
from ..sampling import SAMPLE_RATE
from ..tasks.table import TASKS
from .exported import Measured, Score
from .head import Head

FEWEST = 10  # utterances that a loss is measured on


@dataclass(frozen=True)
class Recordings:
    """The recordings that a loss is measured on; `truth` are the labels' places among a head's, if there is one."""

    manifest: Path
    rows: tuple[Utterance, ...]
    truth: tuple[int, ...] = ()


def read_recordings(manifest: str | Path, head: Head | None) -> Recordings:
    """The rows of a manifest that belong to the split ``test``, or all of them where it has none.

    Args:
        manifest: a CSV file, see `corpora.manifest`.
        head: the head whose labels it has in the column of its task (``word``, ``speaker``, ``emotion``).

    Raises:
        CorpusError: it cannot be read, has too few rows, or has no labels of that head.
    """
    rows = read_manifest(manifest)
    rows = [row for row in rows if row.split == "test"] or rows
    if len(rows) < FEWEST:
        raise CorpusError(f"--measure {manifest}: has {len(rows)} utterances to measure on; expected {FEWEST} or more")
    if head is None:
        return Recordings(Path(manifest), tuple(rows))
    kind, truth = TASKS[head.task].label, []
    for row in rows:
        if (label := row.labels.get(kind)) is None:
            raise CorpusError(f"--measure {manifest}: {row.path.name} has no label {kind!r}{nearest(kind, row.labels)}")
        if label not in head.labels:
            raise CorpusError(
                f"--measure {manifest}: the head knows no {kind} {label!r} ({row.path.name})"
                f"{nearest(label, head.labels)}"
            )
        truth.append(head.labels.index(label))
    return Recordings(Path(manifest), tuple(rows), tuple(truth))


def measure_loss(
    recordings: Recordings, full: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], eight: Any, task: str | None
) -> Measured:
    """How far a graph in eight bits is from torch on recordings.

    Args:
        recordings: see `read_recordings`.
        full: from a waveform `[samples]` to what torch answers, and to the hidden states
            `[layers + 1, batch, frames, width]`.
        eight: a session of the graph, which gives the same two.
        task: of the head, if there is one.
    """
    apart, size, seconds = 0.0, 0.0, 0.0
    answers: list[tuple[int, int]] = []
    for row in progress_bar(recordings.rows, desc="measuring the loss", unit="utterance"):
        wav = _samples(row)
        seconds += len(wav) / SAMPLE_RATE
        truth, states = full(wav)
        found, found_states = eight.run(None, {"wav": wav[None]})
        apart = apart + np.square(found_states - states, dtype=np.float64).sum(axis=(1, 2, 3))
        size = size + np.square(states, dtype=np.float64).sum(axis=(1, 2, 3))
        answers.append((int(truth[0].argmax()), int(found[0].argmax())) if task else (0, 0))
    return Measured(
        manifest=recordings.manifest.name,
        manifest_sha256=file_sha256(recordings.manifest),
        utterances=len(recordings.rows),
        seconds=seconds,
        relative=tuple(float(value) for value in np.sqrt(apart / size)),
        score=_score(task, np.array(answers), np.array(recordings.truth)) if task else None,
    )


def _samples(row: Utterance) -> np.ndarray:
    wav = load_audio(row.path)
    if row.start is None or row.end is None:
        return wav
    wav = wav[int(row.start * SAMPLE_RATE) : int(row.end * SAMPLE_RATE)]
    if len(wav) < SHORTEST:
        raise AudioError(
            f"{row.path} from {row.start:g} to {row.end:g} s: has {len(wav)} samples, expected {SHORTEST} or more"
        )
    return wav


def _score(task: str, answers: np.ndarray, truth: np.ndarray) -> Score:
    from scipy.stats import binomtest

    full_wrong, eight_wrong = (answers != truth[:, None]).T
    lost, gained = int((eight_wrong & ~full_wrong).sum()), int((full_wrong & ~eight_wrong).sum())
    errors: Sequence[np.ndarray] = [wrong.astype(np.float64) for wrong in (eight_wrong, full_wrong)]
    difference = paired_difference([errors[0]], [errors[1]], [np.ones(len(truth))], higher_is_better=True)
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
