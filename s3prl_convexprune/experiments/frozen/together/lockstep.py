"""Cells in lockstep: each is its own thread with its own random states and log, and one of them runs at a time.

A cell hands over whenever it wants a forward pass or the next training batch. It runs on when no other is behind it,
so all ask for the same batch one after the other, also when they were resumed from different steps.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ....errors import ConfigError
from ...cells.run_log import output_into, write_down
from . import random_states
from .memory import refused_by_the_gpu

BUILDING, TRAINING, TESTING = range(3)


class Stopped(BaseException):
    """Ends a cell's thread when the group is given up (Ctrl-C)."""


class Member:
    """One cell of a group.

    Args:
        job: the cell's work; it is given the member.
        log: the file that gets everything that the cell prints.
        group: what the members share; see `run.Shared`.

    Attributes:
        position: (stage, training batches drawn, forward passes since): cells that are behind run first.
        error: what ended it early.
        head_bytes: size of its trainable weights, once they are built.
    """

    def __init__(self, job: Callable[[Member], None], log: Path, group: Any) -> None:
        self.group = group
        self.position = (BUILDING, 0, 0)
        self.error: BaseException | None = None
        self.ended = False
        self.head_bytes = 0
        self._stopping = False
        self._refused = 0
        self._log = log
        self._bars: weakref.WeakSet = weakref.WeakSet()
        self._states = random_states.read()
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, args=(job,), daemon=True)
        self._thread.start()

    def begin(self, mode: str) -> None:
        """Enter s3prl's ``train`` or ``evaluate``."""
        self.position = (BUILDING if mode == "train" else max(TESTING, self.position[0] + 1), 0, 0)

    def begin_training(self, runner: Any, batches: int) -> None:
        """Note at the first epoch how far a resumed cell is, in epochs of `batches`, and how large its head is."""
        if self.position[0] == TRAINING:
            return
        self.position = (TRAINING, batches * runner.init_ckpt.get("Epoch", 0), 0)
        trained = [*runner.featurizer.model.parameters(), *runner.downstream.model.parameters()]
        self.head_bytes = sum(weight.numel() * weight.element_size() for weight in trained)

    def drew_batch(self) -> None:
        self.position = (self.position[0], self.position[1] + 1, 0)

    def wants_pass(self) -> None:
        """Note the forward pass that is wanted, and let the others come as far."""
        stage, batches, passes = self.position
        self.position = (stage, batches, passes + 1)
        self.hand_over()

    def hand_over(self) -> None:
        """Called by the cell's own thread: let another run, and return when it is this one's turn again.

        Raises:
            ConfigError: the GPU had no memory for the cell. s3prl skips such a batch; alone it may have had room.
        """
        if refused_by_the_gpu() > self._refused:
            raise ConfigError("the GPU's memory does not hold so many cells at once; lower --together")
        self._states = random_states.read()
        self._back.release()
        self._go.acquire()
        if self._stopping:
            raise Stopped
        random_states.write(self._states)
        self._refused = refused_by_the_gpu()

    def advance(self) -> None:
        """Called by the group: let the cell run until it hands over or ends."""
        with output_into(self._log), _own_bars(self._bars):
            self._go.release()
            self._back.acquire()

    def stop(self) -> None:
        """End the cell's thread where it stands."""
        self._stopping = True
        if not self.ended:
            self.advance()

    def _work(self, job: Callable[[Member], None]) -> None:
        self._go.acquire()
        self._refused = refused_by_the_gpu()
        try:
            if not self._stopping:
                job(self)
        except Stopped:
            pass
        # SystemExit from s3prl's code is a failed cell, not the end of the group
        except BaseException as error:
            write_down(error)
            error.__traceback__ = error.__context__ = error.__cause__ = None  # their frames hold the cell's tensors
            self.error = error
        finally:
            self.ended = True
            self._back.release()


def run_in_lockstep(members: list[Member], ended: Callable[[Member], None]) -> None:
    """Run all members to their ends.

    Args:
        members: the cells.
        ended: told about each as soon as it has ended.
    """
    live = list(members)
    before = random_states.read()
    try:
        while live:
            behind = min(member.position for member in live)
            for member in [member for member in live if member.position == behind]:
                member.advance()
                if member.ended:
                    live.remove(member)
                    ended(member)
    finally:
        for member in live:
            member.stop()
        random_states.write(before)


class _own_bars:
    """Show one cell's progress bars only: `tqdm.write` redraws every bar of the process, into whichever log is open."""

    def __init__(self, bars: weakref.WeakSet) -> None:
        self.bars = bars

    def __enter__(self) -> None:
        self._before = tqdm._instances, tqdm.monitor_interval
        tqdm._instances, tqdm.monitor_interval = self.bars, 0

    def __exit__(self, *error: object) -> None:
        tqdm._instances, tqdm.monitor_interval = self._before
