"""Exact neighbours with the products on a GPU: torch proposes in float32, this machine decides in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from ..convexity.knn import Neighbors, measured, nearest_neighbors
from ..convexity.proposing import Candidates, Scaled

ROWS, COLUMNS = 4096, 65_536  # one tile of the product, 1 GiB
ROOM = 32


@dataclass(frozen=True)
class DeviceSearch:
    """A search with the lists of `convexity.knn.nearest_neighbors`, bit for bit; stands where that may.

    The device keeps, for each point, a few more than the 4 K columns with the smallest lower bounds, and the K-th
    smallest upper bound. Where the last of these columns is not ruled out by it, others may not be either: such rows
    are searched again on this machine.

    Args:
        device: torch's name of it; ``cpu`` takes the same way.
    """

    device: str

    def __call__(
        self,
        points: np.ndarray,
        n_neighbors: int,
        n_threads: int,
        progress: bool = False,
        owners: np.ndarray | None = None,
    ) -> Neighbors:
        """See `convexity.knn.nearest_neighbors`, which searches itself where there are owners."""
        if owners is not None:
            return nearest_neighbors(points, n_neighbors, n_threads, progress, owners)
        scaled = Scaled.of(points)
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False  # the bounds are those of float32
        try:
            with torch.inference_mode():
                proposed = self._propose(scaled, n_neighbors, progress)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before
        return measured(points, scaled, proposed, n_threads)

    def _propose(self, scaled: Scaled, k: int, progress: bool) -> Candidates:
        unit, low, slack = (torch.from_numpy(part).to(self.device) for part in (scaled.unit, scaled.low, scaled.slack))
        n = len(unit)
        found = Candidates.none(n, k, min(n, 4 * k + ROOM))
        room = found.kept.shape[1]
        starts = range(0, n, ROWS)
        for start in tqdm(starts, "neighbours", disable=None if progress else True, leave=False):
            rows = slice(start, min(start + ROWS, n))
            held: list[torch.Tensor] = []
            uppers: list[torch.Tensor] = []
            numbers: list[torch.Tensor] = []
            for column in range(0, n, COLUMNS):
                span = slice(column, min(column + COLUMNS, n))
                values = low[span] - unit[rows] @ unit[span].T
                values.diagonal(start - column)[:] = torch.inf  # empty where the tile is beside the diagonal
                bounds, which = values.topk(min(room, values.shape[1]), largest=False)
                held, numbers = [*held, bounds], [*numbers, which + column]
                uppers.append((values + 2 * slack[span]).topk(min(k, values.shape[1]), largest=False).values)
                merged = torch.cat(held, 1)
                bounds, which = merged.topk(min(room, merged.shape[1]), largest=False)
                held, numbers = [bounds], [torch.cat(numbers, 1).gather(1, which)]
                merged = torch.cat(uppers, 1)
                uppers = [merged.topk(min(k, merged.shape[1]), largest=False).values]
            limit = uppers[0][:, -1] + 2 * slack[rows]
            crowded = (held[0][:, -1] <= limit) & (room < n)
            found.limit[rows] = torch.where(crowded, -torch.inf, limit).cpu().numpy()
            found.kept[rows], found.bounds[rows] = numbers[0].cpu().numpy(), held[0].cpu().numpy()
            found.fill[rows] = room
        return found
