"""Points of every layer on disk, kept batch by batch, so that a killed analysis goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import atomic


class PointStore:
    """A folder with one `[points, dim]` float32 array a layer and the list of finished batches.

    A store is opened with a key that states everything its numbers depend on; a folder left by another key is
    started afresh. A batch counts as finished once its rows have reached the disk, which they do every few seconds.

    Args:
        folder: where the arrays lie; made when it is not there.
        key: what the points depend on (upstream, weights, corpus, sampling, versions).
        n_points: rows of every array.
        flush_seconds: how much work a kill may cost at most.
    """

    def __init__(self, folder: str | Path, key: str, n_points: int, flush_seconds: float = 2.0):
        self.folder = Path(folder)
        self.n_points = n_points
        self._plan = self.folder / "plan.json"
        self._log = self.folder / "finished"
        self._arrays: list[np.memmap] = []
        self._unflushed: list[int] = []
        self._flush_seconds = flush_seconds
        self._flushed_at = time.monotonic()
        plan = {"key": key, "n_points": n_points}
        if not self._plan.is_file() or json.loads(self._plan.read_text()) != plan:
            shutil.rmtree(self.folder, ignore_errors=True)
            atomic.write_json(self._plan, plan)

    @property
    def finished(self) -> set[int]:
        """Numbers of the batches that need not run again."""
        if not self._log.is_file():
            return set()
        *lines, _unfinished_line = self._log.read_text().split("\n")
        return {int(line) for line in lines}

    def write(self, batch: int, rows: Sequence[int], layers: Sequence[np.ndarray]) -> None:
        """Keep the points of one batch.

        Args:
            batch: its number.
            rows: which rows of the arrays it fills.
            layers: one `[len(rows), dim]` array a layer.
        """
        if not self._arrays:
            self._arrays = [self._open(k, points.shape[1]) for k, points in enumerate(layers)]
        for array, points in zip(self._arrays, layers, strict=True):
            array[list(rows)] = points
        self._unflushed.append(batch)
        if time.monotonic() - self._flushed_at >= self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Bring everything written so far to the disk: first the rows, then the note that they are finished."""
        for array in self._arrays:
            array.flush()
        with self._log.open("a") as log:
            log.write("".join(f"{batch}\n" for batch in self._unflushed))
            log.flush()
            os.fsync(log.fileno())
        self._unflushed.clear()
        self._flushed_at = time.monotonic()

    def layer_paths(self) -> list[Path]:
        """The arrays' files, layer 0 first."""
        return sorted(self.folder.glob("layer_*.npy"))

    def layer(self, k: int) -> np.ndarray:
        """The points of layer `k`, shape `[points, dim]`."""
        return np.load(self.layer_paths()[k])

    def remove(self) -> None:
        """Delete the folder."""
        self._arrays = []
        shutil.rmtree(self.folder, ignore_errors=True)

    def _open(self, k: int, dim: int) -> np.memmap:
        path = self.folder / f"layer_{k:03d}.npy"
        mode = "r+" if path.is_file() else "w+"
        return np.lib.format.open_memmap(path, mode=mode, dtype=np.float32, shape=(self.n_points, dim))
