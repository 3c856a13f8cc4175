"""One upstream under one label: what its points depend on, how they are made, and what is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..artifact import Analysis, Batches, Checkpoint, CorpusFacts, FineTuned, Settings
from ..fingerprint import settings_sha256
from ..upstreams.cost import DepthCost
from ..versions import package_versions
from .batches import plan_batches, plan_sha256
from .built import Built
from .corpus_fingerprint import corpus_fingerprint
from .grouping import who_belongs_together
from .hidden_states import extract_points
from .kept_points import keep, kept_for, points_path
from .layer_scoring import Scoring
from .points import PointStore
from .precision import HeardInFloat32
from .request import Request
from .sampled import Sampled
from .scoring import depths_of_points, finished_before, score_layers
from .shards import Shard, Shards
from .team import Alone


@dataclass(frozen=True)
class Heard:
    """What scoring needs beside the sample.

    Args:
        store: every point.
        silent: how many of them are silence.
        depths, final_norm: `depths_of_points`.
        costs: `costs_by_depth`.
        whole: some of the points in float32, where the upstream ran in less.
    """

    store: PointStore
    silent: int
    depths: list[int | None]
    final_norm: str | None
    costs: dict[int, DepthCost]
    whole: HeardInFloat32 | None


class Measurement:
    """A request on its sample and upstream: batches planned, and the keys that say what depends on what.

    Args:
        request: what is asked for.
        sampled: the sample.
        built: the upstream.
        output: where the artifact goes; unfinished work lies beside it.
        team: this process's place among those that share the batches.
        fingerprint: the sample's, where it is known already.
        progress: whether to show progress bars.

    Raises:
        ConvexPruneError: the processes of the team disagree.
    """

    def __init__(
        self,
        request: Request,
        sampled: Sampled,
        built: Built,
        output: Path,
        team: Alone,
        fingerprint: str | None = None,
        progress: bool = False,
    ) -> None:
        self.request, self.output, self.team = replace(request, split=sampled.split), output, team
        self.progress = progress and team.leads
        self.sampled, self.sample = sampled, sampled.rows
        self.built: Built | None = built
        self.batching, self.weights = built.batching, built.weights
        self.batches = plan_batches(sampled.lengths, self.batching)
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
        gathered = {"between": True, "normed": True} if self.request.keep_points else {}
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
                "groups": who_belongs_together(self.sampled.groups),
                "across": who_belongs_together(self.sampled.across),
            }
        )

    def extract(self, store: Any, **more: Any) -> int:
        """Pass batches through the upstream into a store; see `extract_points`."""
        assert self.built is not None
        request = self.request
        return extract_points(
            self.built.expert,
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

    @property
    def _work(self) -> tuple[Path, str, int]:
        return self.output.with_name(self.output.name + ".work"), self.points_key, len(self.sample)

    def store(self) -> PointStore:
        """Where the points go, with those that are there already."""
        return PointStore(*self._work)

    def finished(self) -> Analysis | None:
        """The artifact where it is there already, and nothing is left of the work."""
        found = finished_before(self.output, self.key)
        if found is None or (self.request.keep_points and not kept_for(self.output, self.key)):
            return None
        if self.team.leads:
            PointStore.remove_finished(*self._work)
            self.shards.remove()
        if found.checkpoint != self._checkpoint:  # the same weights, which lie elsewhere now
            found = replace(found, checkpoint=self._checkpoint)
            if self.team.leads:
                found.write(self.output)
        return found

    @property
    def _checkpoint(self) -> Checkpoint:
        """What was loaded, so that it is found from any folder."""
        ckpt, run = self.request.ckpt, self.request.run
        local = None if ckpt is None else Path(ckpt).expanduser()
        path = str(local.resolve()) if local is not None and local.exists() else ckpt
        tuned = None if run is None else FineTuned(str(run.folder), run.task, run.seed, run.checkpoint.name)
        return Checkpoint(path, self.weights, tuned)

    def hear_out(self, store: PointStore, silent: int) -> Heard:
        """What else scoring asks of the upstream, which is let go then: its memory is wanted.

        Args:
            store: holds every point.
            silent: how many of them are silence.
        """
        assert self.built is not None
        request, built = self.request, self.built
        depths, final_norm = depths_of_points(built.expert, len(store.layer_paths()), request.keep_points)
        whole = None
        if request.precision is not None:
            whole = HeardInFloat32.of(built.expert, self.sample, request, self.batching, self.progress)
        self.built = None
        return Heard(store, silent, depths, final_norm, built.costs, whole)

    def score(self, heard: Heard) -> Analysis:
        """The artifact, which is written then."""
        request, sampled, store = self.request, self.sampled, heard.store
        labels = [utterance.labels[request.label] for utterance in self.sample]
        how = Scoring(
            labels=tuple(labels),
            groups=None if sampled.groups is None else tuple(sampled.groups),
            n_blocks=request.group_blocks,
            neighbors=request.neighbors,
            max_sources=request.max_sources,
            draw_pairs=request.protocol.pairs_a_class,
            seed=request.seed,
            across=None if sampled.across is None else tuple(sampled.across),
            approximate=request.approximate,
            device=request.device,
        )
        layers, excluded, variations = score_layers(
            store, heard.depths, how, heard.costs, request.layer_jobs, self.progress
        )
        if request.keep_points:
            keep(store, heard.depths, heard.final_norm, self.sample, self.key, points_path(self.output))
        analysis = Analysis(
            upstream=request.upstream,
            checkpoint=self._checkpoint,
            corpus=CorpusFacts(
                request.corpus,
                self.fingerprint,
                sampled.split,
                len(self.sample),
                dict(sorted(Counter(labels).items())),
                silent=heard.silent,
                cut=sum(batch.cut for batch in self.batches),
            ),
            label=request.label,
            settings=Settings(key=self.key, batches=self.batched, **request.settings),
            versions=package_versions(),
            layers=tuple(layers),
            excluded=excluded,
            grouping=sampled.grouping,
            variations=variations,
            precision_effect=None if heard.whole is None else heard.whole.effect(store, heard.depths),
        )
        analysis.write(self.output)
        return analysis
