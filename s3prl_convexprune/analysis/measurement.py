"""What `analyze` does after its checks: sample, points of every layer, scores, one artifact; in one process or many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from ..artifact import Analysis, Batches, Checkpoint, CorpusFacts, FineTuned, Settings
from ..corpora.manifest import Utterance, check_distinct, with_label
from ..errors import DataError
from ..fingerprint import settings_sha256, weights_sha256
from ..memory import keep_few_kernels
from ..upstreams.finetuned import load_finetuned
from ..upstreams.registry import build_upstream
from ..versions import package_versions
from .batches import Lengths, plan_batches, plan_sha256
from .corpus_fingerprint import corpus_fingerprint
from .grouping import grouped, groups_across, who_belongs_together
from .hidden_states import batching_for, extract_points
from .kept_points import keep, kept_for, points_path
from .layer_scoring import Scoring
from .points import PointStore
from .precision import HeardInFloat32
from .request import Request
from .sampling import sample_per_class
from .scoring import costs_by_depth, depths_of_states, finished_before, score_layers
from .shards import Shard, Shards
from .team import Alone, Jobs


class Measurement:
    """A request on its sample: the upstream built, batches planned, and the keys that say what depends on what.

    Args:
        request: what is asked for.
        utterances: the corpus.
        output: where the artifact goes; unfinished work lies beside it.
        team: this process's place among those that share the batches.
        fingerprint: the corpus's, where another process has made it already.
        progress: whether to show progress bars.

    Raises:
        ConvexPruneError: the sample, its groups or the upstream are not what the request needs.
    """

    def __init__(
        self,
        request: Request,
        utterances: Sequence[Utterance],
        output: Path,
        team: Alone,
        fingerprint: str | None = None,
        progress: bool = False,
    ) -> None:
        self.request, self.output, self.team = request, output, team
        self.progress = progress and team.leads
        labelled = with_label(utterances, request.label, request.split)
        check_distinct(labelled, request.label)
        self.sample = sample_per_class(labelled, request.label, request.per_class, request.seed, request.classes)
        if request.neighbors >= len(self.sample):
            size = len(self.sample)
            raise DataError(f"--neighbors {request.neighbors}: the sample has {size} points; K must be less")
        self.groups, self.grouping = grouped(
            self.sample, request.label, request.group, request.group_blocks, request.seed
        )
        self.across = (
            groups_across(self.sample, request.label, request.across, request.neighbors) if request.across else None
        )
        keep_few_kernels()
        lengths = Lengths.read(self.sample, request.protocol.samples, request.batching.cut_out)
        self.expert = build_upstream(request.upstream, ckpt=request.ckpt)
        self.batching = batching_for(self.expert, request.batching)
        self.batches = plan_batches(lengths, self.batching)
        if request.run is not None:
            load_finetuned(self.expert, request.upstream, request.run)
        self.weights = weights_sha256(self.expert)
        self.fingerprint = fingerprint or team.from_leader(
            lambda: corpus_fingerprint(self.sample, request.label, self.progress)
        )
        listed = [[row.path.name, row.start, row.end, row.labels[request.label]] for row in self.sample]
        team.agree(settings_sha256([self.key, listed]))
        self.shards = Shards(output.with_name(output.name + ".shards"), self.points_key, len(self.batches))

    @cached_property
    def batched(self) -> Batches:
        """The plan of the batches as the artifact states it."""
        how, plan = self.batching, self.batches
        return Batches(how.padded, how.seconds, how.window, how.context, len(plan), plan_sha256(plan))

    @cached_property
    def _points_depend_on(self) -> dict[str, Any]:
        return {
            "upstream": self.request.upstream,
            "weights_sha256": self.weights,
            "corpus": self.fingerprint,
            "versions": package_versions(),
            "device": torch.device(self.request.device).type,
            "samples": self.request.protocol.samples,
            "precision": self.request.precision,
            "batches": asdict(self.batched),
            "context": self.request.context,
        }

    @property
    def points_key(self) -> str:
        """Says for which points unfinished work is."""
        gathered = {"between": True} if self.request.keep_points else {}
        return settings_sha256({**self._points_depend_on, **gathered})

    @cached_property
    def key(self) -> str:
        """Says for which numbers a finished artifact is."""
        return settings_sha256(
            {
                **self._points_depend_on,
                "settings": self.request.settings,
                "label": self.request.label,
                "corpus_name": self.request.corpus,
                "groups": who_belongs_together(self.groups),
                "across": who_belongs_together(self.across),
            }
        )

    def extract(self, store: Any, **more: Any) -> int:
        """Pass batches through the upstream into a store; see `extract_points`."""
        request = self.request
        return extract_points(
            self.expert,
            self.sample,
            store,
            device=request.device,
            samples=request.protocol.samples,
            batches=self.batches,
            batching=self.batching,
            precision=request.precision,
            workers=request.workers,
            between=request.keep_points,
            **more,
        )

    def work_on_shards(self, progress: bool = False) -> None:
        """Take shards until none is left."""

        def run_batches(numbers: Sequence[int], shard: Shard) -> None:
            self.extract(shard, progress=False, numbers=numbers)

        self.shards.work(run_batches, progress)

    def score(self, store: PointStore, silent: int, costs: Any) -> Analysis:
        """The artifact of a store that holds every point."""
        request = self.request
        depths = depths_of_states(self.expert, len(store.layer_paths()))
        whole = None
        if request.precision is not None:
            whole = HeardInFloat32.of(self.expert, self.sample, request, self.batching, self.progress)
        del self.expert  # its memory is wanted
        labels = [utterance.labels[request.label] for utterance in self.sample]
        how = Scoring(
            labels=tuple(labels),
            groups=None if self.groups is None else tuple(self.groups),
            n_blocks=request.group_blocks,
            neighbors=request.neighbors,
            max_sources=request.max_sources,
            draw_pairs=request.protocol.pairs_a_class,
            seed=request.seed,
            across=None if self.across is None else tuple(self.across),
            approximate=request.approximate,
            device=request.device,
        )
        layers, excluded, variations = score_layers(store, depths, how, costs, request.layer_jobs, self.progress)
        if request.keep_points:
            keep(store, depths, self.sample, self.key, points_path(self.output))
        run = request.run
        tuned = None if run is None else FineTuned(str(run.folder), run.task, run.seed, run.checkpoint.name)
        return Analysis(
            upstream=request.upstream,
            checkpoint=Checkpoint(request.ckpt, self.weights, tuned),
            corpus=CorpusFacts(
                request.corpus,
                self.fingerprint,
                request.split,
                len(self.sample),
                dict(sorted(Counter(labels).items())),
                silent=silent,
                cut=sum(batch.cut for batch in self.batches),
            ),
            label=request.label,
            settings=Settings(key=self.key, batches=self.batched, **request.settings),
            versions=package_versions(),
            layers=tuple(layers),
            excluded=excluded,
            grouping=self.grouping,
            variations=variations,
            precision_effect=None if whole is None else whole.effect(store, depths),
        )


def measure(
    request: Request, utterances: Sequence[Utterance], output: Path, team: Alone, jobs: Jobs | None, progress: bool
) -> Analysis:
    """Make the artifact, or return it where it is finished; every process of a team calls this.

    Raises:
        ConvexPruneError: bad input of any kind; see `errors`.
    """
    this = Measurement(request, utterances, output, team, progress=progress)
    shards, work = this.shards, (output.with_name(output.name + ".work"), this.points_key, len(this.sample))
    finished = finished_before(output, this.key)
    if finished is not None and (not request.keep_points or kept_for(output, this.key)):
        if team.leads:
            PointStore.remove_finished(*work)
            shards.remove()
        return finished
    if not team.leads:
        team.meet()
        shards.join()
        this.work_on_shards()
        team.meet()  # every shard is there
        team.meet()  # so is the artifact
        return Analysis.read(output)
    store = PointStore(*work)
    costs = costs_by_depth(this.expert)
    if team.shares or jobs is not None:
        shards.open()
        team.meet()
        if jobs is None:
            this.work_on_shards(this.progress)
        else:
            shards.hand_out(jobs, partial(_member, request, utterances, output, this.fingerprint))
        team.meet()
    shards.merge(store)
    analysis = this.score(store, this.extract(store, progress=this.progress), costs)
    analysis.write(output)
    team.meet()
    store.remove()
    shards.remove()
    return analysis


def _member(request: Request, utterances: Sequence[Utterance], output: Path, fingerprint: str) -> None:
    """What a job of a cluster does."""
    this = Measurement(request, utterances, output, Alone(leads=False), fingerprint)
    this.shards.join()
    this.work_on_shards()
