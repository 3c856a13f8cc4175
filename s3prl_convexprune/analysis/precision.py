"""What a reduced precision does to the scores: some of the points are heard in float32 too, and scored both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..artifact.precision import PrecisionEffect
from ..convexity import graph_convexity
from ..corpora.manifest import Utterance
from .batches import Batching
from .hidden_states import extract_points
from .points import PointStore
from .request import Request
from .sampling import sample_per_class

MOST, MOST_CLASSES = 400, 50


@dataclass(frozen=True)
class HeardInFloat32:
    """Some of a sample's points, in float32.

    Args:
        rows: which of the sample.
        labels: of these.
        neighbors: K of their graph.
        layers: ``[rows, dim]`` a hidden state.
    """

    rows: Sequence[int]
    labels: Sequence[str]
    neighbors: int
    layers: Sequence[np.ndarray]

    @classmethod
    def of(
        cls, expert: Any, sample: Sequence[Utterance], request: Request, batching: Batching, progress: bool
    ) -> HeardInFloat32:
        """Hear up to MOST utterances, of up to MOST_CLASSES classes, as they are without `request.precision`.

        Args:
            expert: the upstream.
            sample: the whole sample.
            request: with its label, device and the rest.
            batching: how batches are made.
            progress: whether to show a bar.
        """
        classes = min(MOST_CLASSES, len({utterance.labels[request.label] for utterance in sample}))
        few = sample_per_class(sample, request.label, max(2, MOST // classes), request.seed, MOST_CLASSES)
        place = {id(utterance): row for row, utterance in enumerate(sample)}
        with TemporaryDirectory(prefix="s3prl_convexprune-") as folder:
            store = PointStore(Path(folder, "float32"), "float32", len(few))
            extract_points(
                expert,
                few,
                store,
                request.device,
                progress,
                samples=request.protocol.samples,
                batching=batching,
                workers=request.workers,
            )
            layers = [store.layer(k) for k in range(len(store.layer_paths()))]
        labels = [utterance.labels[request.label] for utterance in few]
        return cls([place[id(one)] for one in few], labels, min(request.neighbors, len(few) - 1), layers)

    def effect(self, store: PointStore, depths: Sequence[int | None]) -> PrecisionEffect:
        """The scores of these points as a store has them, and as they are here.

        Args:
            store: the points of all of the sample.
            depths: k of each hidden state; None for one that is not scored.
        """
        scored = [(k, depth) for k, depth in enumerate(depths) if depth is not None]
        reduced = [self._score(store.layer(k)[self.rows]) for k, _ in scored]
        whole = [self._score(self.layers[k]) for k, _ in scored]
        return PrecisionEffect(len(self.rows), tuple(depth for _, depth in scored), tuple(reduced), tuple(whole))

    def _score(self, points: np.ndarray) -> float:
        return graph_convexity(points, self.labels, self.neighbors).score
