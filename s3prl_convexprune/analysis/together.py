"""Several samples of one corpus through one or more upstreams: every clip is read once, shared batches are passed once.

Each sample keeps the batches that it has alone, so its points are the same bits. Plans are sorted by length: when their
batches run in the order of the last clip of each, a clip that one plan has heard and another has not is of that other's
next batch. No more audio is held than one batch of each plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from ..corpora.manifest import Utterance
from ..errors import ConvexPruneError
from ..progress import progress_bar
from .batches import Batch, Batching, Clip, Lengths
from .hidden_states import FedUpstream
from .points import PointStore
from .reading import read_batches, reading_workers


@dataclass(eq=False)
class Listener:
    """One upstream on one sample.

    Args:
        expert: the upstream; listeners with the same one share passes.
        batching: how its batches are made.
        utterances: the sample.
        lengths: of its files.
        batches: the plan.
        store: where the points go; what is finished there is not heard again.

    Attributes:
        failed: what ended it.
    """

    expert: Any
    batching: Batching
    utterances: Sequence[Utterance]
    lengths: Lengths
    batches: Sequence[Batch]
    store: PointStore
    failed: ConvexPruneError | None = None

    def __post_init__(self) -> None:
        if self.batching.cut_out:  # what is heard of an utterance is all its own
            self.utterances = [replace(utterance, start=None, end=None) for utterance in self.utterances]

    def heard_in(self, number: int) -> Any:
        """What two batches have in common that give the same points: upstream, clips, and segments of these."""
        batch = self.batches[number]
        spans = [[(self.utterances[row].start, self.utterances[row].end) for row in rows] for rows in batch.rows]
        return id(self.expert), batch.clips, repr(spans)


@dataclass(frozen=True)
class Pass:
    """A batch, and each listener that it is for with its number there."""

    batch: Batch
    members: list[tuple[Listener, int]]

    @property
    def last(self) -> tuple[tuple[int, int, int], Clip]:
        """What plans are sorted by, of the longest clip."""
        clip = self.batch.clips[-1]
        return self.members[0][0].lengths.of[clip], clip


def shared_passes(listeners: Sequence[Listener]) -> list[Pass]:
    """What is left to be heard, shortest first."""
    members: dict[Any, list[tuple[Listener, int]]] = {}
    for listener in listeners:
        for number in range(len(listener.batches)):
            if number not in listener.store.finished:
                members.setdefault(listener.heard_in(number), []).append((listener, number))
    passes = [Pass(own[0][0].batches[own[0][1]], own) for own in members.values()]
    return sorted(passes, key=lambda one: one.last)


def hear_together(
    listeners: Sequence[Listener],
    device: str,
    samples: int | None,
    precision: str | None,
    workers: int | None,
    between: bool,
    progress: bool,
) -> None:
    """Fill the stores of all listeners. One that fails says so in `failed`, and the others go on.

    Args:
        listeners: who hears what; their windows are the same.
        device, samples, precision, workers, between, progress: as in `hidden_states.extract_points`.

    Raises:
        AudioError: an audio file cannot be used.
    """
    if not listeners:
        return
    passes = shared_passes(listeners)
    uses = Counter(clip for one in passes for clip in one.batch.clips)
    headers = {path: header for listener in listeners for path, header in listener.lengths.headers.items()}
    reads = [Batch(clips, (), headers=tuple(headers.get(clip.path) for clip in clips)) for clips in _new_clips(passes)]
    numbers = [number for number, read in enumerate(reads) if read.clips]
    workers = min(reading_workers(device), len(numbers) // 2) if workers is None else workers
    longest = listeners[0].batching.longest_read
    reader = iter(read_batches(reads, numbers, workers, device.startswith("cuda"), longest))
    held: dict[Clip, Any] = {}
    total = sum(one.batch.seconds for one in passes)
    with (
        ExitStack() as stack,
        progress_bar(total=round(total), unit="s", desc="hidden states of audio", show=progress) as bar,
    ):
        fed = {
            id(listener.expert): FedUpstream(
                listener.expert.to(device).eval(), listener.batching, device, precision, between, stack
            )
            for listener in {id(listener.expert): listener for listener in listeners}.values()
        }
        for one, read in zip(passes, reads, strict=True):
            if read.clips:
                held.update(zip(read.clips, next(reader)[1], strict=True))
            _pass(one, fed, [held[clip] for clip in one.batch.clips], samples, bar.update)
            for clip in one.batch.clips:
                uses[clip] -= 1
                if not uses[clip]:
                    del held[clip]
            if all(listener.failed for listener in listeners):
                break
    for listener in listeners:
        try:
            listener.store.flush()
        except ConvexPruneError as error:
            listener.failed = listener.failed or error


def _new_clips(passes: Sequence[Pass]) -> list[tuple[Clip, ...]]:
    """For each pass, those of its clips that no earlier one has."""
    known: set[Clip] = set()
    new = []
    for one in passes:
        new.append(tuple(clip for clip in one.batch.clips if clip not in known))
        known.update(new[-1])
    return new


def _pass(one: Pass, fed: dict[int, FedUpstream], wavs: list[Any], samples: int | None, moved: Any) -> None:
    members = [(listener, number) for listener, number in one.members if listener.failed is None]
    if not members:
        return
    first, number = members[0]
    heard = [row for rows in first.batches[number].rows for row in rows]
    try:
        layers, silent, similar = fed[id(first.expert)].hear(
            first.utterances, first.batches[number], wavs, samples, moved
        )
    except ConvexPruneError as error:
        for listener, _ in members:
            listener.failed = error
        return
    for listener, number in members:
        rows = [row for rows in listener.batches[number].rows for row in rows]
        own = dict(zip(heard, rows, strict=True))
        try:
            listener.store.write(number, rows, layers, [own[row] for row in silent], similar)
        except ConvexPruneError as error:
            listener.failed = error
