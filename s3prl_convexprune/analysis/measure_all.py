"""What `analyze_all` does after its checks: one corpus through every upstream under every label, an artifact a pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ..artifact import Analysis
from ..errors import ConvexPruneError
from .built import Built
from .corpus_fingerprint import corpus_fingerprint, digest
from .measurement import Heard, Measurement
from .points import PointStore, count_silent
from .request import Request
from .sampled import Sampled
from .team import Alone
from .together import Listener, hear_together

Pair = tuple[str, str]


@dataclass(frozen=True)
class Analyses:
    """What came of several pairs of an upstream and a label.

    Attributes:
        made: (upstream, label) -> its artifact.
        failed: (upstream, label) -> why it has none.
    """

    made: dict[Pair, Analysis] = field(default_factory=dict)
    failed: dict[Pair, ConvexPruneError] = field(default_factory=dict)

    def raise_failed(self) -> None:
        """For callers who need every artifact.

        Raises:
            ConvexPruneError: a pair failed; the others' artifacts are there, and the same call tries it again.
        """
        for (upstream, label), error in self.failed.items():
            more = f" ({len(self.failed) - 1} more of {len(self.made) + len(self.failed)} failed)"
            raise ConvexPruneError(f"{upstream}, {label}: {error}{more if len(self.failed) > 1 else ''}") from error


@contextmanager
def _trying(found: Analyses, *pairs: Pair) -> Iterator[None]:
    """An error inside is that of these pairs; what comes after goes on."""
    try:
        yield
    except ConvexPruneError as error:
        kept = error.with_traceback(None)  # which would hold on to every upstream
        found.failed.update({pair: kept for pair in pairs if pair not in found.made})


def measure_all(
    request: Request,
    upstreams: Sequence[str],
    samples: Mapping[str, Sampled],
    outputs: Mapping[Pair, Path],
    progress: bool,
) -> Analyses:
    """Make the artifact of every pair, or take it where it is finished.

    Args:
        request: what is asked for, of any upstream and label.
        upstreams: names on the hub.
        samples: label -> its sample.
        outputs: where the artifacts go; unfinished work lies beside each.
        progress: whether to show progress bars.

    Raises:
        ConvexPruneError: an audio file cannot be used.
    """
    of_file = cache(digest)
    prints = {label: corpus_fingerprint(sampled.rows, label, progress, of_file) for label, sampled in samples.items()}
    found = Analyses()
    for pair, (this, heard) in _heard(request, upstreams, samples, prints, outputs, progress, found).items():
        with _trying(found, pair):
            found.made[pair] = this.score(heard)
            heard.store.remove()
            this.shards.remove()
    order = [pair for pair in outputs if pair in found.made]
    return Analyses({pair: found.made[pair] for pair in order}, found.failed)


def _heard(
    request: Request,
    upstreams: Sequence[str],
    samples: Mapping[str, Sampled],
    prints: Mapping[str, str],
    outputs: Mapping[Pair, Path],
    progress: bool,
    found: Analyses,
) -> dict[Pair, tuple[Measurement, Heard]]:
    """Pass what is not finished through the upstreams, which are let go at the end."""
    listening: dict[Pair, tuple[Measurement, Listener]] = {}
    for upstream in upstreams:
        with _trying(found, *((upstream, label) for label in samples)):
            built = Built(replace(request, upstream=upstream))
            left = []
            for label, sampled in samples.items():
                asked, output = replace(request, upstream=upstream, label=label), outputs[upstream, label]
                this = Measurement(asked, sampled, built, output, Alone(), prints[label], progress)
                if (finished := this.finished()) is not None:
                    found.made[upstream, label] = finished
                else:
                    left.append(this)
            if left:
                built.count_costs()
            for this in left:
                pair = upstream, this.request.label
                with _trying(found, pair):
                    listening[pair] = this, _listener(this, built, this.store())
    hear_together(
        [listener for _, listener in listening.values()],
        request.device,
        request.protocol.samples,
        request.precision,
        request.workers,
        request.keep_points,
        progress,
    )
    heard = {}
    for pair, (this, listener) in listening.items():
        with _trying(found, pair):
            if listener.failed is not None:
                raise listener.failed
            heard[pair] = this, this.hear_out(listener.store, count_silent(listener.store, this.sample))
    return heard


def _listener(this: Measurement, built: Built, store: PointStore) -> Listener:
    this.shards.merge(store)
    return Listener(built.expert, this.batching, this.sample, this.sampled.lengths, this.batches, store)
