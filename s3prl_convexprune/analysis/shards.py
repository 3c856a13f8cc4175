"""One analysis by several processes: shards of whole batches, each written once, by whoever is free.

A shard is a file; a lock beside it, the kernel's, says that somebody works on it. A worker that dies loses its lock,
and the next one that passes does its shard again; a finished shard is never done again, in a later run either.
"""

from __future__ import annotations

import io
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from .. import atomic
from ..errors import ConfigError, ConvexPruneError, DataError, OutputError
from ..locks import FolderLock
from ..progress import progress_bar
from ..schema import read_json
from .points import PointStore
from .team import Jobs

MOST_SHARDS, LARGEST_SHARD = 256, 64  # in batches
WAIT_SECONDS = 0.5
PLAN = "plan.json"


class Shard:
    """The points of a few batches, in memory until they are whole; stands where a `PointStore` may."""

    def __init__(self) -> None:
        self.finished: dict[int, tuple[int, ...]] = {}
        self.content: dict[str, np.ndarray] = {}

    def write(
        self,
        batch: int,
        rows: Sequence[int],
        layers: Sequence[np.ndarray],
        silent: Sequence[int] = (),
        between: np.ndarray | None = None,
    ) -> None:
        """As `PointStore.write`."""
        self.content[f"{batch}/rows"] = np.asarray(rows, dtype=np.int64)
        self.content[f"{batch}/silent"] = np.asarray(silent, dtype=np.int64)
        for k, points in enumerate(layers):
            self.content[f"{batch}/layer_{k:03d}"] = points
        if between is not None:
            self.content[f"{batch}/between"] = between
        self.finished[batch] = tuple(silent)

    def flush(self) -> None:
        """Nothing: a shard reaches the disk whole."""


class Shards:
    """The shards of a plan, in a folder that all workers see.

    Args:
        folder: where they lie.
        key: what the points depend on; a shard of another key is another run's.
        batches: how many batches the plan has. Which of them make a shard depends on that alone, not on who works.
    """

    def __init__(self, folder: Path, key: str, batches: int) -> None:
        size = min(LARGEST_SHARD, max(1, -(-batches // MOST_SHARDS)))
        self.folder, self.key = folder, key
        self.numbers = [range(at, min(at + size, batches)) for at in range(0, batches, size)]

    def open(self) -> None:
        """Make the folder, for the one process that leads; a folder of another run is started afresh.

        Raises:
            OutputError: the folder holds something else, or cannot be made.
        """
        plan = self.folder / PLAN
        if self.folder.exists() and not plan.is_file() and any(self.folder.iterdir()):
            raise OutputError(f"{self.folder}: holds no shards of ours; move it away")
        if self._ours():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        atomic.write_json(plan, {"key": self.key})

    def join(self) -> None:
        """Check that this process works on what the leader planned.

        Raises:
            ConfigError: it was given another upstream, corpus or setting.
        """
        if not self._ours():
            raise ConfigError(
                f"{self.folder}: is of another run; every process must be given the same upstream, weights, corpus, "
                "options and versions"
            )

    def work(self, run: Callable[[Sequence[int], Shard], object], progress: bool = False, wait: bool = False) -> None:
        """Do shards that nobody has done and nobody is doing, until none is left.

        Args:
            run: computes batches, by their numbers, into a shard.
            progress: whether to show a bar.
            wait: whether to stay until those of the others are done too, and do them should the others die.

        Raises:
            OutputError: the disk is full.
        """
        left = list(range(len(self.numbers)))
        with progress_bar(total=len(left), unit="shard", desc="shards", show=progress) as bar:
            while left:
                before = len(left)
                for number in list(left):
                    if not self._path(number).is_file() and not self._do(number, run):
                        continue
                    left.remove(number)
                    bar.update(1)
                if left and len(left) == before:
                    if not wait:
                        return
                    time.sleep(WAIT_SECONDS)

    def _do(self, number: int, run: Callable[[Sequence[int], Shard], object]) -> bool:
        with atomic.explained(self._path(number)), FolderLock(self._path(number).with_suffix(".lock")) as lock:
            if not lock.held:
                return False
            if not self._path(number).is_file():
                shard = Shard()
                run(self.numbers[number], shard)
                buffer = io.BytesIO()
                np.savez(buffer, **{"key": np.asarray(self.key), **shard.content}, allow_pickle=False)
                atomic.write_bytes(self._path(number), buffer.getvalue())
        return True

    def missing(self) -> int:
        """How many shards are not done."""
        return sum(not self._path(number).is_file() for number in range(len(self.numbers)))

    def hand_out(self, jobs: Jobs, work: Callable[[], object]) -> None:
        """Let jobs do the shards; what the dead leave is handed out again as long as that gets on.

        Raises:
            DataError: jobs end and no further shard is done; the message has the first one's reason.
        """
        while before := self.missing():
            said = jobs.run(self.folder / "jobs", work)
            if self.missing() == before:
                raise DataError(f"the jobs ended and {before} shards are not done: {said or 'no job says why'}")

    def merge(self, store: PointStore) -> None:
        """Put every finished shard's points where one process would have put them; a damaged shard is removed.

        Raises:
            OutputError: a shard is of another run, or the disk is full.
        """
        if not self._ours():
            return
        for number, batches in enumerate(self.numbers):
            if self._path(number).is_file() and not set(batches) <= set(store.finished):
                self._merge(self._path(number), batches, store)
        store.flush()

    def _merge(self, path: Path, batches: Sequence[int], store: PointStore) -> None:
        try:
            with np.load(path, allow_pickle=False) as content:
                parts = {name: content[name] for name in content.files}
            key = str(parts.pop("key"))
            for batch in batches:
                rows, silent = parts[f"{batch}/rows"], parts[f"{batch}/silent"]
                layers = [parts[name] for name in sorted(parts) if name.startswith(f"{batch}/layer_")]
                if key == self.key:
                    store.write(batch, rows.tolist(), layers, silent.tolist(), parts.get(f"{batch}/between"))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            if (reason := atomic.refusal(error)) is not None and not isinstance(error, zipfile.BadZipFile):
                raise OutputError(f"{path}: {reason}") from error
            path.unlink()
            return
        if key != self.key:
            raise OutputError(f"{path}: is a shard of another run; move it away")

    def remove(self) -> None:
        """Delete the folder; what says that it is ours goes last."""
        if not self._ours():
            return
        for path in self.folder.glob("*"):
            if path.name != PLAN:
                with suppress(OSError):
                    path.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ours(self) -> bool:
        with suppress(ConvexPruneError):
            return read_json(self.folder / PLAN) == {"key": self.key}
        return False

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.npz"
