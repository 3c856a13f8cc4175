"""Approximate neighbours for very many points: a faiss inverted file proposes, float64 differences decide.

The points' first principal components are sorted into lists by k-means (Jegou, Douze, Schmid, IEEE TPAMI 33, 2011);
a point's candidates are the nearest among the lists closest to it, measured again in all dimensions. How many lists is
not guessed: it is doubled until the exact neighbours of a sample of points are found to the wanted share.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from s3prl_convexprune.convexity.knn import Lists, Neighbors, decide, joined
from s3prl_convexprune.errors import ConfigError

COMPONENTS, SAMPLE, TRAINED_ON = 64, 256, 40_000
WANTED = 0.95  # of the exact neighbours of the sample
CANDIDATES = 3  # times K, measured again
BLOCK = 4096
ACROSS = "the index does not know whose a point is; take exact ones"


def import_faiss() -> Any:
    """The library.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise ConfigError("approximate neighbours need faiss: pip install 's3prl-convexprune[approximate]'") from None
    return faiss


@dataclass
class ApproximateSearch:
    """A search that misses some neighbours, and knows how many; stands where `knn.nearest_neighbors` may.

    Args:
        wanted: the share of neighbours to find.
        seed: of the samples and of k-means.
        first: how many lists are looked through before that number is doubled.

    Attributes:
        recall: the share of the exact neighbours of a sample of points that was found, 0 to 1, of the last search.
        recall_error: its standard error; one neighbour of all that were asked for at least.
        probes, lists: how many lists were looked through for a point, and of how many.
    """

    wanted: float = WANTED
    seed: int = 1337
    first: int = 4
    recall: float = field(default=1.0, init=False)
    recall_error: float = field(default=0.0, init=False)
    probes: int = field(default=0, init=False)
    lists: int = field(default=0, init=False)

    def __call__(
        self,
        points: np.ndarray,
        n_neighbors: int,
        n_threads: int,
        progress: bool = False,
        owners: np.ndarray | None = None,
    ) -> Neighbors:
        """Lists of the nearest found, with whichever of those found tie with the K-th.

        Args:
            points: checked points, ``[N, D]``; may be a memory map.
            n_neighbors: K.
            n_threads: worker threads.
            progress: show a bar.
            owners: None; across groups the search is exact only.

        Raises:
            ConfigError: faiss is not installed, or there are owners.
        """
        if owners is not None:
            raise ConfigError(f"approximate neighbours cannot be taken across groups: {ACROSS}")
        faiss = import_faiss()
        n, rng = len(points), np.random.default_rng(self.seed)
        with threadpool_limits(1):
            reduced = _principal(points, rng)
            self.lists = max(1, min(n // 40, round(2 * np.sqrt(n))))
            index = faiss.IndexIVFFlat(faiss.IndexFlatL2(reduced.shape[1]), reduced.shape[1], self.lists)
            index.cp.seed = self.seed
            index.train(reduced[np.sort(rng.choice(n, min(n, 40 * self.lists), replace=False))])
            index.add(reduced)
            sample = np.sort(rng.choice(n, min(n, SAMPLE), replace=False))
            truth = _exact(points, sample, n_neighbors)
            self.probes = min(self.first, self.lists)
            while True:
                counts, found, _ = self._search(index, points, reduced, sample, n_neighbors, self.probes)
                rows = np.split(found, np.cumsum(counts)[:-1])
                shares = np.array([np.isin(mine, row).mean() for mine, row in zip(truth, rows, strict=True)])
                self.recall = float(shares.mean())
                if self.recall >= self.wanted or self.probes == self.lists:
                    break
                self.probes = min(2 * self.probes, self.lists)
            self.recall_error = float(max(shares.std() / np.sqrt(len(shares)), 1 / (len(shares) * n_neighbors)))

            def work(start: int) -> Lists:
                rows = np.arange(start, min(start + BLOCK, n))
                with threadpool_limits(1):
                    return self._search(index, points, reduced, rows, n_neighbors, self.probes)

            starts = range(0, n, BLOCK)
            with ThreadPoolExecutor(n_threads) as pool:
                blocks = pool.map(work, starts)
                shown = tqdm(blocks, "neighbours", len(starts), disable=None if progress else True, leave=False)
                return joined(list(shown))

    def _search(
        self, index: Any, points: np.ndarray, reduced: np.ndarray, rows: np.ndarray, k: int, probes: int
    ) -> Lists:
        """The lists of some points; those that find less than K look through as many lists as it takes."""
        faiss = import_faiss()
        most = min(len(points), CANDIDATES * k + 16)
        found = np.empty((len(rows), most), np.int64)
        left = np.arange(len(rows))
        while len(left):
            parameters = faiss.SearchParametersIVF(nprobe=probes)
            found[left] = index.search(reduced[rows[left]], most, params=parameters)[1]
            found[left] = np.where(found[left] == rows[left, None], -1, found[left])
            left = left[(found[left] >= 0).sum(axis=1) < k] if probes < self.lists else left[:0]
            probes = min(2 * probes, self.lists)
        kept = np.take_along_axis(found, np.argsort(found < 0, axis=1, kind="stable"), 1).astype(np.int32)
        none = np.zeros(kept.shape, np.float32)
        return decide(points, rows, k, none[:, 0].copy(), kept, none, (found >= 0).sum(axis=1))


def _principal(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The coordinates along the first principal components, ``[N, COMPONENTS]`` float32, of a sample's covariance."""
    n, d = points.shape
    few = points[np.sort(rng.choice(n, min(n, TRAINED_ON), replace=False))].astype(np.float64)
    mean = few.mean(axis=0)
    few -= mean
    axes = np.linalg.eigh(few.T @ few)[1][:, ::-1][:, : min(d, COMPONENTS)]
    reduced = np.empty((n, axes.shape[1]), np.float32)
    for start in range(0, n, BLOCK):
        reduced[start : start + BLOCK] = (points[start : start + BLOCK] - mean) @ axes
    return reduced


def _exact(points: np.ndarray, rows: np.ndarray, k: int) -> list[np.ndarray]:
    """The K nearest others of some points, by a product in float64."""
    mine = points[rows].astype(np.float64)
    mean = mine.mean(axis=0)
    mine -= mean
    nearest, numbers = np.full((len(rows), k), np.inf), np.zeros((len(rows), k), np.int64)
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK].astype(np.float64) - mean
        squares = np.einsum("nd,nd->n", block, block) - 2 * mine @ block.T
        here = np.arange(start, start + len(block))
        squares[rows[:, None] == here] = np.inf
        both = np.hstack([nearest, squares])
        which = np.argpartition(both, k - 1, axis=1)[:, :k]
        nearest = np.take_along_axis(both, which, 1)
        numbers = np.take_along_axis(np.hstack([numbers, np.broadcast_to(here, squares.shape)]), which, 1)
    return list(numbers)
