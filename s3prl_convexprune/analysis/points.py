"""Points of every layer on disk, kept batch by batch, so that a killed analysis goes on where it was."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import atomic
from ..corpora.manifest import Utterance
from ..errors import OutputError

logger = logging.getLogger(__name__)

BLOCK = 1 << 24
PLAN = "plan.json"
BETWEEN = "between.npy"


class Sink(Protocol):
    """Where the points of batches go."""

    finished: dict[int, tuple[int, ...]]

    def write(
        self,
        batch: int,
        rows: Sequence[int],
        layers: Sequence[np.ndarray],
        silent: Sequence[int] = (),
        between: np.ndarray | None = None,
    ) -> None: ...

    def flush(self) -> None: ...


class PointStore:
    """A folder with one `[points, dim]` float32 array per layer and the list of finished batches.

    A store is opened with a key that states everything its numbers depend on; a folder left by another key, or
    half-made or damaged, is started afresh. A batch counts as finished once its rows have reached the disk, which they
    do every few seconds. An array appears under its name only when its whole size is reserved: writing into a memory
    map whose disk is full would kill the process without a word.

    Args:
        folder: where the arrays lie; made when it is not there.
        key: what the points depend on (upstream, weights, corpus, sampling, versions).
        n_points: rows of every array.
        flush_seconds: how much work a kill may cost at most.

    Raises:
        OutputError: the folder holds something else.
    """

    def __init__(self, folder: str | Path, key: str, n_points: int, flush_seconds: float = 2.0):
        self.folder = Path(folder)
        self.n_points = n_points
        self._plan = self.folder / PLAN
        self._log = self.folder / "finished"
        self._arrays: list[np.memmap] = []
        self._unflushed: dict[int, tuple[int, ...]] = {}
        self._flush_seconds = flush_seconds
        self._flushed_at = time.monotonic()
        plan = {"key": key, "n_points": n_points}
        self._refuse_what_is_not_ours()
        try:
            finished = self._read_finished() if json.loads(self._plan.read_text()) == plan else None
        except (OSError, ValueError, EOFError):
            finished = None
        if finished is None:
            self.remove()
        self._key = plan
        #: Numbers of the batches that need not run again, each with the rows in it that are silence.
        self.finished = finished or {}

    def _refuse_what_is_not_ours(self) -> None:
        if self._plan.is_file() or not os.path.lexists(self.folder):
            return
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else [self.folder.name]
        foreign = [name for name in names if not name.startswith(f".{self._plan.name}.")]
        if foreign:
            raise OutputError(
                f"{self.folder}: holds {min(foreign)}, which is not of an unfinished analysis; move it away"
            )

    def _read_finished(self) -> dict[int, tuple[int, ...]] | None:
        """The finished batches, None when what lies in the folder does not fit together."""
        *lines, cut_short = self._log.read_text().split("\n") if self._log.is_file() else [""]
        if cut_short:  # by a kill or a full disk: the next number must not be appended to it
            atomic.write_text(self._log, "".join(f"{line}\n" for line in lines))
        finished = {batch: tuple(silent) for batch, *silent in (map(int, line.split()) for line in lines)}
        paths = self.layer_paths()
        whole = [path.name for path in paths] == [self._name(k) for k in range(len(paths))]
        whole = whole and all(np.load(path, mmap_mode="r").shape[0] == self.n_points for path in paths)
        return finished if whole and (paths or not finished) else None

    def write(
        self,
        batch: int,
        rows: Sequence[int],
        layers: Sequence[np.ndarray],
        silent: Sequence[int] = (),
        between: np.ndarray | None = None,
    ) -> None:
        """Keep the points of one batch.

        Args:
            batch: its number.
            rows: which rows of the arrays it fills.
            layers: one `[len(rows), dim]` array per layer.
            silent: those of the rows whose audio is silence.
            between: how alike each row's states are, `between.alike` pooled, then its number of frames; where one
                batch has it, all have.
        """
        arrays = [*layers] if between is None else [*layers, between]
        if not self._arrays:
            try:
                atomic.write_json(self._plan, self._key)
                names = [*map(self._name, range(len(layers))), BETWEEN]
                self._arrays = [self._open(*named) for named in zip(names, (a.shape[1] for a in arrays), strict=False)]
            except OutputError:
                if not self.finished:
                    self.remove()
                raise
        for array, points in zip(self._arrays, arrays, strict=True):
            array[list(rows)] = points
        self._unflushed[batch] = tuple(silent)
        if time.monotonic() - self._flushed_at >= self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Bring everything written so far to the disk: first the rows, then the note that they are finished."""
        for array in self._arrays:
            array.flush()
        with atomic.explained(self._log), self._log.open("a") as log:
            for batch, silent in self._unflushed.items():
                log.write(" ".join(map(str, (batch, *silent))) + "\n")
            log.flush()
            os.fsync(log.fileno())
        self.finished.update(self._unflushed)
        self._unflushed.clear()
        self._flushed_at = time.monotonic()

    def layer_paths(self) -> list[Path]:
        """The arrays' files, layer 0 first."""
        return sorted(self.folder.glob("layer_*.npy"))

    def layer(self, k: int) -> np.ndarray:
        """The points of layer `k`, shape `[points, dim]`."""
        return np.load(self.layer_paths()[k])

    def between(self) -> np.ndarray | None:
        """How alike each point's states are, ``[points, pairs + 1]``; None where that was not gathered."""
        path = self.folder / BETWEEN
        return np.load(path) if path.is_file() else None

    def remove(self) -> None:
        """Delete the folder; what says that it is ours goes last, so that a kill leaves nothing foreign."""
        self._arrays = []
        for path in self.folder.glob("*"):
            if path != self._plan:
                with suppress(OSError):
                    path.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    def remove_finished(cls, folder: Path, key: str, n_points: int) -> None:
        """Delete what a `remove` that was killed left of a store of this key."""
        with suppress(OSError):
            folder.rmdir()  # all but the folder was gone
        with suppress(OSError, ValueError):
            if json.loads((folder / PLAN).read_text()) == {"key": key, "n_points": n_points}:
                cls(folder, key, n_points).remove()

    def _open(self, name: str, dim: int) -> np.memmap:
        path = self.folder / name
        if not path.is_file():
            with atomic.explained(path):
                self._reserve(path, dim)
        return np.lib.format.open_memmap(path, mode="r+")

    def _reserve(self, path: Path, dim: int) -> None:
        making = path.with_suffix(".making")
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.n_points, dim)}
        size = 4 * self.n_points * dim
        with making.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.flush()
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), file.tell(), size)
            else:
                for start in range(0, size, BLOCK):
                    file.write(bytes(min(BLOCK, size - start)))
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)

    @staticmethod
    def _name(k: int) -> str:
        return f"layer_{k:03d}.npy"


def count_silent(store: Sink, utterances: Sequence[Utterance], warn: bool = True) -> int:
    """How many points of a store are digital silence.

    Args:
        store: the points.
        utterances: the sample.
        warn: whether to say so, and where one is.
    """
    silent = sorted(row for rows in store.finished.values() for row in rows)
    if silent and warn:
        first = utterances[silent[0]].path
        logger.warning(
            "%d of %d points are digital silence, one in %s; leave them out", len(silent), len(utterances), first
        )
    return len(silent)
