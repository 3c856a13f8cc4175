"""One forward pass an utterance, one point a layer: the mean over the utterance's (or segment's) own frames.

Padding never enters: a batch holds files of exactly one length, so the group norm of base models, whose statistics
run over the whole padded batch, sees speech only.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..corpora.audio import is_silent, load_audio
from ..corpora.audio_header import SAMPLE_RATE, read_header
from ..corpora.manifest import Utterance
from ..errors import CorpusError, DataError
from ..progress import progress_bar
from .points import PointStore

logger = logging.getLogger(__name__)

BATCH_SECONDS = 32.0


@dataclass(frozen=True)
class Batch:
    """Files of one length that go through the upstream together.

    Args:
        files: the audio files.
        rows: for each file, the utterances (by their place in the sample) that lie in it.
        cut: the utterances whose end is cut off.
    """

    files: tuple[Path, ...]
    rows: tuple[tuple[int, ...], ...]
    cut: int = 0


def plan_batches(
    utterances: Sequence[Utterance], batch_seconds: float = BATCH_SECONDS, samples: int | None = None
) -> list[Batch]:
    """Group the utterances' files into batches of equal length.

    Reads headers only. The plan depends on the utterances alone, so an interrupted run plans the same batches.

    Args:
        utterances: the sample.
        batch_seconds: audio a batch at most, in seconds; a longer file is a batch of its own.
        samples: the length that every file will be padded or cut to, at 16 kHz; None leaves it as it is.

    Raises:
        AudioError: a file is missing, unreadable or empty.
        CorpusError: a segment ends after its file does, or there are segments and `samples`.
    """
    rows_of: dict[Path, list[int]] = defaultdict(list)
    for row, utterance in enumerate(utterances):
        rows_of[utterance.path].append(row)
    groups: dict[tuple[int, int], list[Path]] = defaultdict(list)
    cut: dict[Path, int] = {}
    for path in sorted(rows_of):
        header = read_header(path)
        frames, rate = header.frames, header.rate
        for row in rows_of[path]:
            end = utterances[row].end
            if samples is not None and end is not None:
                raise CorpusError(
                    f"{path}: is cut into segments; waveforms of {samples} samples are whole files (--protocol exact "
                    "takes segments)"
                )
            if end is not None and end > frames / rate + 0.025:
                raise CorpusError(f"{path}: a segment ends at {end} s and the file at {frames / rate:.3f} s")
        too_long = samples is not None and frames * SAMPLE_RATE > samples * rate
        cut[path] = len(rows_of[path]) if too_long else 0
        groups[(frames, rate) if samples is None else (samples, SAMPLE_RATE)].append(path)
    if any(cut.values()):
        longer = sum(map(bool, cut.values()))
        logger.warning("%d of %d files are longer than %d samples and are cut there", longer, len(rows_of), samples)
    batches = []
    for (frames, rate), paths in sorted(groups.items()):
        size = max(1, int(batch_seconds * rate / frames))
        for at in range(0, len(paths), size):
            files = tuple(paths[at : at + size])
            rows = tuple(tuple(rows_of[path]) for path in files)
            batches.append(Batch(files, rows, sum(cut[path] for path in files)))
    return batches


def fit(wav: np.ndarray, samples: int | None) -> np.ndarray:
    """A waveform of exactly so many samples: zeros at the end, or the end cut off; unchanged when None.

    >>> fit(np.ones(2, np.float32), 3).tolist(), fit(np.ones(4, np.float32), 3).tolist()
    ([1.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    """
    return wav if samples is None else np.pad(wav[:samples], (0, max(0, samples - len(wav))))


def extract_points(
    expert: Any,
    utterances: Sequence[Utterance],
    store: PointStore,
    device: str = "cpu",
    progress: bool = True,
    samples: int | None = None,
    batches: Sequence[Batch] | None = None,
) -> int:
    """Fill a store with the points of every layer; finished batches are not run again.

    Args:
        expert: an s3prl upstream; its `hidden_states` are `[batch, frames, dim]`, layer 0 first.
        utterances: the sample; row i of every array is utterance i.
        store: where the points go.
        device: where the upstream runs.
        progress: whether to show a progress bar.
        samples: the length that every waveform is padded or cut to, at 16 kHz, before the upstream's own
            normalisation; None leaves it as it is.
        batches: what `plan_batches` made of the sample, where that is known already.

    Returns:
        How many points are digital silence, those of finished batches among them.

    Raises:
        AudioError: an audio file cannot be used.
        DataError: a hidden state is NaN or infinite; the message names the layer and the file.
    """
    expert = expert.to(device).eval()
    if batches is None:
        batches = plan_batches(utterances, samples=samples)
    finished = store.finished
    done = sum(len(rows) for number in finished for rows in batches[number].rows)
    with progress_bar(total=len(utterances), initial=done, unit="utt", desc="hidden states", show=progress) as bar:
        for number, batch in enumerate(batches):
            if number in finished:
                continue
            heard = [load_audio(path) for path in batch.files]
            wavs = [torch.from_numpy(fit(wav, samples)).to(device) for wav in heard]
            with torch.inference_mode():
                states = expert(wavs)["hidden_states"]
            layers = [
                _pool(batch, utterances, state, rate)
                for state, rate in zip(states, _rates(expert, states), strict=True)
            ]
            _check_finite(batch, layers)
            rows = [row for rows in batch.rows for row in rows]
            silent = [
                row
                for wav, own in zip(heard, batch.rows, strict=True)
                for row in own
                if is_silent(_own_samples(wav, utterances[row], samples))
            ]
            store.write(number, rows, layers, silent)
            bar.update(len(rows))
    store.flush()
    silent = sorted(row for rows in store.finished.values() for row in rows)
    if silent:
        first = utterances[silent[0]].path
        logger.warning(
            "%d of %d points are digital silence, one in %s; leave them out", len(silent), len(utterances), first
        )
    return len(silent)


def _rates(expert: Any, states: Sequence[torch.Tensor]) -> list[int]:
    rates = expert.get_downsample_rates("hidden_states")
    return [rates] * len(states) if isinstance(rates, int) else list(rates)


def _pool(batch: Batch, utterances: Sequence[Utterance], state: torch.Tensor, rate: int) -> np.ndarray:
    frames = state.shape[1]
    centres = (torch.arange(frames, dtype=torch.float64) + 0.5) * rate / SAMPLE_RATE
    points = []
    for states, rows in zip(state.double(), batch.rows, strict=True):
        for row in rows:
            own = _own_frames(centres, utterances[row])
            points.append(states[own.to(states.device)].mean(dim=0))
    return torch.stack(points).float().cpu().numpy()


def _own_samples(wav: np.ndarray, utterance: Utterance, samples: int | None) -> np.ndarray:
    """What is heard of an utterance: its segment, or its file as far as the protocol takes it."""
    if utterance.start is None or utterance.end is None:
        return wav[:samples]
    first, last = (round(time * SAMPLE_RATE) for time in (utterance.start, utterance.end))
    return wav[min(first, len(wav) - 1) : max(last, first + 1)]


def _own_frames(centres: torch.Tensor, utterance: Utterance) -> torch.Tensor:
    """Indices of the frames whose centre lies in the segment; the nearest one when it is shorter than a frame."""
    if utterance.start is None or utterance.end is None:
        return torch.arange(len(centres))
    own = torch.nonzero((centres >= utterance.start) & (centres < utterance.end)).flatten()
    middle = (utterance.start + utterance.end) / 2
    return own if len(own) else (centres - middle).abs().argmin().reshape(1)


def _check_finite(batch: Batch, layers: Sequence[np.ndarray]) -> None:
    files = [path for path, rows in zip(batch.files, batch.rows, strict=True) for _ in rows]
    for k, points in enumerate(layers):
        bad = ~np.isfinite(points).all(axis=1)
        if bad.any():
            raise DataError(
                f"the hidden state of layer {k} is NaN or infinite for {files[int(bad.argmax())]}; "
                "the upstream's weights or this file are damaged"
            )
