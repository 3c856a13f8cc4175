"""One loader for cells that draw the same batches: audio is read and decoded once, by one set of worker processes.

A batch is a function of the loader's settings and of the random states when it is drawn. So a draw is noted with what
it did to the generators, and a cell whose generators stand where the first one's stood gets the batch and the same
effect. A cell whose generators stand elsewhere draws for itself.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import random_states
from .lockstep import Member
from .random_states import Effect


class SharedLoader:
    """A recipe's loader, its batches shared with the other cells of the group.

    Args:
        loader: the cell's own.
        split: s3prl's name of the split.
        member: the cell.
        runner: its s3prl runner.
        training: whether these are the batches that the cell trains on.
    """

    def __init__(self, loader: Any, split: str, member: Member, runner: Any, training: bool) -> None:
        self.loader, self.split, self.member, self.training = loader, split, member, training
        if training:
            member.begin_training(runner, len(loader))

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        return Cursor(self)


@contextmanager
def shared_files(runner: Any) -> Iterator[None]:
    """Build a head without its corpus in memory: ER would read all of it, once a cell. The batches are equal."""
    recipe = runner.config
    runner.config = copy.deepcopy(recipe)
    data = runner.config.get("downstream_expert", {}).get("datarc", {})
    if "pre_load" in data:
        data["pre_load"] = False
    try:
        yield
    finally:
        runner.config = recipe


class Batches:
    """The batches of one pass over a loader, drawn once and kept until every reader has them."""

    def __init__(self, loader: Any, split: str) -> None:
        self.kind = split, len(loader)
        before = random_states.read()
        self.iterator = iter(loader)
        self.starting = Effect.since(before)
        self.readers: weakref.WeakKeyDictionary[Cursor, int] = weakref.WeakKeyDictionary()
        self._kept: dict[int, tuple[Effect, Any, BaseException | None]] = {}
        self._count = 0

    @property
    def from_the_start(self) -> bool:
        """Whether a new reader can still have the first batch."""
        return self._count == 0 or 0 in self._kept

    def take(self, reader: Cursor, index: int) -> Any:
        """Batch `index`, the generators moved as drawing it moves them.

        Raises:
            Misfit: the reader's generators stand elsewhere, so its batch would be another.
        """
        if index == self._count:
            self._draw()
        else:
            effect = self._kept[index][0]
            if not effect.fits(random_states.read()):
                raise Misfit
            effect.replay()
        _, batch, error = self._kept[index]
        self.readers[reader] = index
        for old in [kept for kept in self._kept if kept < min(self.readers.values())]:
            del self._kept[old]
        if error is not None:
            raise error.with_traceback(None)
        return copy.deepcopy(batch)  # whatever a cell does to its batch

    def _draw(self) -> None:
        before = random_states.read()
        batch, error = None, None
        try:
            batch = next(self.iterator)
            batch = tuple(batch) if isinstance(batch, Iterator) else batch  # KS, SID and ER collate to a zip
        except Exception as raised:  # the end, or audio that cannot be read: the same for every reader
            error = raised
        self._kept[self._count] = Effect.since(before), batch, error
        self._count += 1


class Misfit(Exception):
    """A batch that was drawn with other random states."""


class Cursor:
    """One cell's way through the batches."""

    def __init__(self, shared: SharedLoader) -> None:
        self._shared, self._index = shared, 0
        self._alone: Iterator[Any] | None = None
        self._start = random_states.read()
        opened: weakref.WeakSet[Batches] = shared.member.group.loaders
        kind = shared.split, len(shared.loader)
        for batches in opened:
            if batches.kind == kind and batches.from_the_start and batches.starting.fits(self._start):
                batches.starting.replay()
                self._batches = batches
                break
        else:
            self._batches = Batches(shared.loader, shared.split)
            opened.add(self._batches)
        self._batches.readers[self] = 0

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Any:
        member = self._shared.member
        if self._shared.training:
            member.hand_over()  # a resumed cell draws up to its place, and the others wait for it or it for them
        batch = self._next()
        self._index += 1
        if self._shared.training:
            member.drew_batch()
        return batch

    def _next(self) -> Any:
        if self._alone is None:
            try:
                return self._batches.take(self, self._index)
            except Misfit:
                self._batches.readers.pop(self)
                self._alone = self._draw_alone()
        return next(self._alone)

    def _draw_alone(self) -> Iterator[Any]:
        """The cell's own iterator at the same place: as if it had drawn every batch itself."""
        now = random_states.read()
        random_states.write(self._start)
        iterator = iter(self._shared.loader)
        for _ in range(self._index):
            next(iterator)
        random_states.write(now)
        return iterator
