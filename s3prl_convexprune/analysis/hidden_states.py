"""One forward pass a batch, one point an utterance and layer: the mean over the utterance's (or segment's) own frames.

A batch holds files of unequal length where the upstream's family keeps padding out of an utterance's states (see
`upstreams.padding`), and files of exactly one length where it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..corpora.manifest import Utterance
from ..errors import ConfigError, DataError, DepthError
from ..progress import progress_bar
from ..sampling import SAMPLE_RATE
from ..upstreams.families import family_of
from ..upstreams.padding import Padding
from ..upstreams.prune import kept_final_norm
from .batches import Batch, Batching, Lengths, plan_batches
from .between import alike
from .points import Sink, count_silent
from .pooling import Piece, Pooling
from .reading import Waveform, read_batches, reading_workers
from .silence import Silence
from .windows import windows_of

logger = logging.getLogger(__name__)


def batching_for(expert: Any, batching: Batching | None = None) -> Batching:
    """How an upstream's batches are made: padded where its family keeps padding out, by equal lengths where not.

    Args:
        expert: an s3prl upstream.
        batching: what else is wished for.

    Raises:
        ConfigError: a window for an upstream whose frames cannot be counted beforehand.
    """
    batching = batching or Batching()
    padding = _padding(expert)
    if padding is None:
        if batching.window is not None:
            raise ConfigError(
                f"--window: {type(expert).__module__} gives its states for whole files only; leave --window out"
            )
        logger.info("%s: batches of equal lengths", type(expert).__module__)
        return replace(batching, padded=False)
    return replace(batching, padded=True, longest=padding.longest(expert))


def _padding(expert: Any) -> Padding | None:
    try:
        padding = family_of(expert).padding
    except DepthError:
        return None
    return padding if padding is not None and padding.serves(expert) else None


def fit(wav: Waveform, samples: int | None) -> Waveform:
    """A waveform of exactly so many samples: zeros at the end, or the end cut off; unchanged when None.

    >>> fit(np.ones(2, np.float32), 3).tolist(), fit(np.ones(4, np.float32), 3).tolist()
    ([1.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    """
    return wav if samples is None else np.pad(wav[:samples], (0, max(0, samples - len(wav))))


def extract_points(
    expert: Any,
    utterances: Sequence[Utterance],
    store: Sink,
    device: str = "cpu",
    progress: bool = True,
    samples: int | None = None,
    batches: Sequence[Batch] | None = None,
    batching: Batching | None = None,
    precision: str | None = None,
    workers: int | None = None,
    numbers: Sequence[int] | None = None,
    between: bool = False,
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
        batching: how those were made; `batching_for(expert)` when None.
        precision: ``bf16`` runs the upstream under torch's autocast; None in float32.
        workers: processes that decode beside the upstream; None: `reading_workers`.
        numbers: which of the batches; all of them when None.
        between: whether to gather what a choice by other than convexity wants too: how alike the states are, frame by
            frame (`between.alike`), and after the last state's points those of all others behind the encoder's last
            LayerNorm, where it has one that only its last state passes.

    Returns:
        How many points are digital silence, those of finished batches among them.

    Raises:
        AudioError: an audio file cannot be used.
        DataError: a hidden state is NaN or infinite; the message names the layer and the file.
    """
    expert = expert.to(device).eval()
    batching = batching or batching_for(expert)
    if batches is None:
        batches = plan_batches(Lengths.read(utterances, samples, batching.cut_out), batching)
    if batching.cut_out:  # what is heard of an utterance is all its own
        utterances = [replace(utterance, start=None, end=None) for utterance in utterances]
    finished = store.finished
    left = [number for number in (range(len(batches)) if numbers is None else numbers) if number not in finished]
    done = sum(batches[number].seconds for number in finished)
    total = done + sum(batches[number].seconds for number in left)
    workers = min(reading_workers(device), len(left) // 2) if workers is None else workers
    with (
        ExitStack() as stack,
        progress_bar(
            total=round(total), initial=round(done), unit="s", desc="hidden states of audio", show=progress
        ) as bar,
    ):
        upstream = FedUpstream(expert, batching, device, precision, between, stack)
        for number, wavs in read_batches(batches, left, workers, device.startswith("cuda"), batching.longest_read):
            rows = [row for rows in batches[number].rows for row in rows]
            layers, silent, similar = upstream.hear(utterances, batches[number], wavs, samples, bar.update)
            store.write(number, rows, layers, silent, similar)
    store.flush()
    return count_silent(store, utterances, numbers is None)


class FedUpstream:
    """An upstream that is fed batches: in one pass, or a long file in windows."""

    def __init__(
        self, expert: Any, batching: Batching, device: str, precision: str | None, between: bool, stack: ExitStack
    ) -> None:
        self.expert, self.batching, self.device, self.precision = expert, batching, device, precision
        self.between = between
        self.final_norm = kept_final_norm(expert) if between else None
        padding = _padding(expert) if batching.padded or batching.window is not None else None
        self.frames: Callable[[int], int] | None = None
        self.tell: Callable[[Sequence[int]], None] = lambda samples: None
        if padding is not None:
            self.frames = padding.frames(expert)
            self.tell = stack.enter_context(padding.exact(expert))

    def hear(
        self,
        utterances: Sequence[Utterance],
        batch: Batch,
        wavs: Sequence[Waveform],
        samples: int | None,
        moved: Callable[[float], Any],
    ) -> tuple[list[np.ndarray], Sequence[int], np.ndarray | None]:
        """The points of a batch, one `[rows, dim]` array a layer, the rows that are silence, and `between.alike`.

        Raises:
            DataError: a hidden state is NaN or infinite.
        """
        recorded = [len(wav) if samples is None else min(len(wav), samples) for wav in wavs]
        silence = Silence(utterances, batch.rows, recorded)
        layers, similar = self.points(utterances, batch, [fit(wav, samples) for wav in wavs], silence, moved)
        _check_finite(batch, layers)
        return layers, silence.rows(), similar

    def points(
        self,
        utterances: Sequence[Utterance],
        batch: Batch,
        wavs: Sequence[Waveform],
        silence: Silence,
        moved: Callable[[float], Any],
    ) -> tuple[list[np.ndarray], np.ndarray | None]:
        """One `[rows of the batch, dim]` array per layer, and how alike the states are where that is wanted."""
        pooling = Pooling(utterances, [row for rows in batch.rows for row in rows])
        n_states = 0
        for parts in self._passes(wavs):
            heard = [wavs[file][window.first : window.last] for file, window in parts]
            states = self._states(heard)
            pieces = []
            for (file, window), wav in zip(parts, heard, strict=True):
                silence.hear(file, window, wav)
                frames = self.frames(window.last - window.first) if self.frames else states[0].shape[1]
                base = self.frames(len(wavs[file])) if self.frames else frames
                pieces.append(Piece(window, batch.rows[file], frames, base))
            rates = self.expert.get_downsample_rates("hidden_states")
            rates = [rates] * len(states) if isinstance(rates, int) else list(rates)
            similar = alike(states, rates) if self.between else None
            if self.final_norm is not None:
                with torch.inference_mode():
                    normed = [self.final_norm(state.float()) for state in states[:-1]]  # its weights are float32
                states, rates = [*states, *normed], [*rates, *rates[:-1]]
            n_states = len(states)
            if similar is not None:
                states, rates = [*states, similar], [*rates, rates[0]]
            pooling.add(states, pieces, rates)
            moved(sum(min(window.ends, window.last) - max(window.begins, 0) for _, window in parts) / SAMPLE_RATE)
        points = pooling.points()
        similar_rows = np.column_stack([points[-1], pooling.frames()]) if len(points) > n_states else None
        return points[:n_states], similar_rows

    def _passes(self, wavs: Sequence[Waveform]) -> Iterator[list[tuple[int, Any]]]:
        parts: list[tuple[int, Any]] = []
        for file, wav in enumerate(wavs):
            windows = windows_of(len(wav), self.batching)
            for window in windows:
                if len(windows) > 1 and parts:
                    heard = max(window.last - window.first for _, window in [*parts, (file, window)])
                    if (len(parts) + 1) * heard > self.batching.seconds * SAMPLE_RATE:
                        yield parts
                        parts = []
                parts.append((file, window))
        yield parts

    def _states(self, wavs: Sequence[np.ndarray]) -> list[torch.Tensor]:
        self.tell([len(wav) for wav in wavs])
        heard = [torch.as_tensor(wav).to(self.device, non_blocking=True) for wav in wavs]
        autocast = torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bf16")
        with torch.inference_mode(), autocast:
            states = list(self.expert(heard)["hidden_states"])
        if self.frames and (expected := self.frames(max(map(len, wavs)))) != states[0].shape[1]:
            raise DataError(
                f"{type(self.expert).__module__} gives {states[0].shape[1]} frames where its family gives {expected}; "
                "its checkpoint is of another kind"
            )
        return states


def _check_finite(batch: Batch, layers: Sequence[np.ndarray]) -> None:
    files = [path for path, rows in zip(batch.files, batch.rows, strict=True) for _ in rows]
    for k, points in enumerate(layers):
        bad = ~np.isfinite(points).all(axis=1)
        if bad.any():
            raise DataError(
                f"the hidden state of layer {k} is NaN or infinite for {files[int(bad.argmax())]}; "
                "the upstream's weights or this file are damaged"
            )
