"""What `analyze` does after its checks: sample, points of every layer, scores, one artifact; in one process or many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..artifact import Analysis
from ..corpora.manifest import Utterance
from .built import Built
from .measurement import Measurement
from .request import Request
from .sampled import draw
from .team import Alone, Jobs


def measure(
    request: Request, utterances: Sequence[Utterance], output: Path, team: Alone, jobs: Jobs | None, progress: bool
) -> Analysis:
    """Make the artifact, or return it where it is finished; every process of a team calls this.

    Args:
        request: what is asked for.
        utterances: the corpus.
        output: where the artifact goes; unfinished work lies beside it.
        team: this process's place among those that share the batches.
        jobs: a cluster's jobs that share them.
        progress: whether to show progress bars.

    Raises:
        ConvexPruneError: bad input of any kind; see `errors`.
    """
    sampled = draw(request, utterances)
    built = Built(request)
    this = Measurement(request, sampled, built, output, team, progress=progress)
    shards = this.shards
    if (finished := this.finished()) is not None:
        return finished
    if not team.leads:
        team.meet()
        shards.join()
        this.work_on_shards()
        team.meet()  # every shard is there
        team.meet()  # so is the artifact
        return Analysis.read(output)
    store = this.store()
    built.count_costs()
    del built
    if team.shares or jobs is not None:
        shards.open()
        team.meet()
        if jobs is None:
            this.work_on_shards(this.progress)
        else:
            shards.hand_out(jobs, partial(_member, request, utterances, output, this.fingerprint))
        team.meet()
    shards.merge(store)
    analysis = this.score(this.hear_out(store, this.extract(store, progress=this.progress)))
    team.meet()
    store.remove()
    shards.remove()
    return analysis


def _member(request: Request, utterances: Sequence[Utterance], output: Path, fingerprint: str) -> None:
    """What a job of a cluster does."""
    this = Measurement(request, draw(request, utterances), Built(request), output, Alone(leads=False), fingerprint)
    this.shards.join()
    this.work_on_shards()
