"""The analysis: corpus -> sample -> hidden-state points -> a convexity score a layer -> one artifact."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from ..artifact import Analysis, Batches, Checkpoint, CorpusFacts, FineTuned, Settings
from ..corpora import open_corpus
from ..corpora.manifest import Utterance, check_distinct, effective_split, with_label
from ..errors import ConfigError, DataError
from ..fingerprint import settings_sha256, weights_sha256
from ..numbers import AT_LEAST_ONE, BLOCKS, SEED, WORKERS
from ..outputs import claim_output
from ..upstreams.checks import check
from ..upstreams.finetuned import FineTunedRun, find_run, load_finetuned
from ..upstreams.registry import build_upstream
from ..versions import package_versions
from .batches import Batching, Lengths, plan_batches, plan_sha256
from .corpus_fingerprint import corpus_fingerprint
from .grouping import grouped, who_belongs_together
from .hidden_states import batching_for, extract_points
from .kept_points import keep, kept_for, points_path
from .plot import SUFFIXES
from .points import PointStore
from .protocols import Protocol, get_protocol
from .sampling import sample_per_class
from .scoring import MACS_SECONDS, costs_by_depth, depths_of_states, finished_before, score_layers
from .shards import Shard, Shards
from .team import Alone, Jobs, own_device, own_team

logger = logging.getLogger(__name__)


def analyze(
    upstream: str,
    corpus: str | Path | Sequence[Utterance],
    label: str,
    output: str | Path | None = None,
    *,
    root: str | Path | None = None,
    allow_pipes: bool = False,
    corpus_name: str | None = None,
    ckpt: str | None = None,
    weights: str | Path | None = None,
    split: str | None = None,
    per_class: int = 200,
    neighbors: int = 10,
    seed: int = 1337,
    protocol: str = "exact",
    window: float | None = None,
    precision: Literal["bf16"] | None = None,
    workers: int | None = None,
    group: str | None = None,
    group_blocks: int | None = None,
    device: str | None = None,
    jobs: Jobs | None = None,
    keep_points: bool = False,
    progress: bool = True,
) -> Analysis:
    """Measure the convexity of every layer of an upstream.

    A run that was killed goes on where it was; a run whose artifact is there already, made with the same weights,
    corpus and settings, returns it. Under torchrun the processes share the batches, and each returns the artifact that
    the first one writes.

    Args:
        upstream: a name on s3prl's hub.
        corpus: a corpus's name or a manifest's path, as `open_corpus` takes it, or the utterances themselves.
        label: the label kind whose classes are measured.
        output: where the artifact goes; unfinished work lies in `<output>.work/` beside it. None keeps nothing on
            disk, so that a killed run starts over.
        root: the corpus's folder, or what relative paths in the manifest start at.
        allow_pipes: run the shell commands that a Kaldi or lhotse manifest has in place of audio files.
        corpus_name: what to call the corpus in the artifact; what `corpus` says, or ``manifest`` for utterances.
        ckpt: the upstream's checkpoint, when it needs one.
        weights: the folder of a run that fine-tuned this upstream (`finetune`, or a SpeechBrain recipe): its weights
            are measured in place of the checkpoint's.
        split: see `manifest.with_label`.
        per_class: utterances a class at most.
        neighbors: K of the neighbour graph.
        seed: of the sampling.
        protocol: ``exact``, or ``paper`` for what is known of the paper's own way; see `protocols.PROTOCOLS`.
        window: seconds of a longer file that are heard at once; None hears every file whole. See `batches.Batching`.
        precision: ``bf16`` runs the upstream under torch's autocast; None in float32.
        workers: processes that decode audio beside the upstream; None: up to eight beside a GPU, none on a CPU.
        group, group_blocks: what the standard errors count, and in how many blocks; see `grouping.grouped`.
        device: where the upstream runs; None takes the GPU if there is one.
        jobs: a cluster's jobs that share the batches; None works here.
        keep_points: whether the pooled points stay beside the artifact, for `screen`.
        progress: whether to show progress bars.

    Returns:
        The artifact, which was also written where `output` says.

    Raises:
        ConvexPruneError: bad input of any kind; see `errors`.
    """
    device = check([upstream], ckpt=ckpt, folders={"--root (root)": root}, device=device) or "cpu"
    team = own_team()
    if output is None and (team.shares or jobs is not None):
        raise ConfigError("several processes share an analysis through its output: name one")
    place = None if output is None else Path(output)
    if place is not None and place.suffix in SUFFIXES:
        raise ConfigError(f"{output}: a curve goes there; name the analysis {place.with_suffix('.json').name}")
    AT_LEAST_ONE.check("per_class", per_class)
    AT_LEAST_ONE.check("neighbors", neighbors)
    SEED.check("seed", seed)
    for name, value, numbers in (("group_blocks", group_blocks, BLOCKS), ("workers", workers, WORKERS)):
        if value is not None:
            numbers.check(name, value)
    fixed = get_protocol(protocol)
    batching = Batching(window=window)
    run = find_run(weights) if weights is not None else None
    if isinstance(corpus, str | Path):
        utterances, name = open_corpus(str(corpus), label, root, allow_pipes=allow_pipes), str(corpus)
    else:
        utterances, name = list(corpus), "manifest"
    with ExitStack() as stack:
        if place is None:
            place = Path(stack.enter_context(TemporaryDirectory(prefix="s3prl_convexprune-")), "analysis.json")
        if team.leads:
            stack.enter_context(claim_output(place, Analysis.FORMAT, Analysis.VERSION))
        measure = partial(
            _analyze,
            upstream,
            utterances,
            label,
            place,
            corpus_name or name,
            ckpt,
            run,
            split,
            per_class,
            neighbors,
            seed,
            fixed,
            batching,
            precision,
            workers,
            group,
            group_blocks,
            own_device(device),
            keep_points,
        )
        analysis = measure(progress, team, jobs, partial(measure, False, Alone(leads=False), None, None))
    assert analysis is not None
    return analysis


def _analyze(
    upstream: str,
    utterances: Sequence[Utterance],
    label: str,
    output: Path,
    corpus: str,
    ckpt: str | None,
    run: FineTunedRun | None,
    split: str | None,
    per_class: int,
    neighbors: int,
    seed: int,
    protocol: Protocol,
    batching: Batching,
    precision: Literal["bf16"] | None,
    workers: int | None,
    group: str | None,
    group_blocks: int | None,
    device: str,
    keep_points: bool,
    progress: bool,
    team: Alone,
    jobs: Jobs | None,
    member: Callable[..., Any] | None,
    expected: str | None = None,
) -> Analysis | None:
    """`analyze` after its checks; for a job that does shards (`expected`: the corpus's fingerprint), only those."""
    split = effective_split(utterances, split)
    labelled = with_label(utterances, label, split)
    check_distinct(labelled, label)
    sample = sample_per_class(labelled, label, per_class, seed)
    if neighbors >= len(sample):
        raise DataError(f"--neighbors {neighbors}: the sample has {len(sample)} points; K must be less")
    groups, grouping = grouped(sample, label, group, group_blocks, seed)
    lengths = Lengths.read(sample, protocol.samples)
    expert = build_upstream(upstream, ckpt=ckpt)
    batching = batching_for(expert, batching)
    batches = plan_batches(lengths, batching)
    if run is not None:
        load_finetuned(expert, upstream, run)
    tuned = None if run is None else FineTuned(str(run.folder), run.task, run.seed, run.checkpoint.name)
    weights = weights_sha256(expert)
    progress = progress and team.leads
    listed = [[row.path.name, row.start, row.end, row.labels[label]] for row in sample]
    fingerprint = expected or team.from_leader(lambda: corpus_fingerprint(sample, label, progress))
    batched = Batches(
        batching.padded, batching.seconds, batching.window, batching.context, len(batches), plan_sha256(batches)
    )
    what_points_depend_on = {
        "upstream": upstream,
        "weights_sha256": weights,
        "corpus": fingerprint,
        "versions": package_versions(),
        "device": torch.device(device).type,
        "samples": protocol.samples,
        "precision": precision,
        "batches": asdict(batched),
    }
    asked: dict[str, Any] = {
        "per_class": per_class,
        "neighbors": neighbors,
        "seed": seed,
        "split": split,
        "device": torch.device(device).type,
        "protocol": protocol.name,
        **{key: value for key, value in asdict(protocol).items() if key != "name"},
        "macs_seconds": MACS_SECONDS,
        "precision": precision,
        "group": group,
        "group_blocks": group_blocks,
    }
    key = settings_sha256(
        {
            **what_points_depend_on,
            "settings": asked,
            "label": label,
            "corpus_name": corpus,
            "groups": who_belongs_together(groups),
        }
    )
    points_key = settings_sha256(what_points_depend_on)
    team.agree(settings_sha256([key, listed]))
    extract = partial(
        extract_points,
        expert,
        sample,
        device=device,
        samples=protocol.samples,
        batches=batches,
        batching=batching,
        precision=precision,
        workers=workers,
    )
    shards = Shards(output.with_name(output.name + ".shards"), points_key, len(batches))

    def run_batches(numbers: Sequence[int], shard: Shard) -> None:
        extract(shard, progress=False, numbers=numbers)

    if expected is not None:
        shards.join()
        shards.work(run_batches)
        return None
    work = output.with_name(output.name + ".work"), points_key, len(sample)
    finished = finished_before(output, key)
    if finished is not None and (not keep_points or kept_for(output, key)):
        if team.leads:
            PointStore.remove_finished(*work)
            shards.remove()
        return finished
    if not team.leads:
        team.meet()
        shards.join()
        shards.work(run_batches)
        team.meet()
        team.meet()
        return Analysis.read(output)

    store = PointStore(*work)
    costs = costs_by_depth(expert)
    if team.shares or jobs is not None:
        shards.open()
        team.meet()
        if jobs is None:
            shards.work(run_batches, progress)
        elif member is not None:
            shards.hand_out(jobs, partial(member, expected=fingerprint))
        team.meet()
    shards.merge(store)
    silent = extract(store, progress=progress)
    depths = depths_of_states(expert, len(store.layer_paths()))
    del expert
    labels = [utterance.labels[label] for utterance in sample]
    layers, excluded, variations = score_layers(
        store, depths, labels, groups, group_blocks, neighbors, protocol.pairs_a_class, seed, costs, progress
    )
    analysis = Analysis(
        upstream=upstream,
        checkpoint=Checkpoint(ckpt, weights, tuned),
        corpus=CorpusFacts(
            corpus,
            fingerprint,
            split,
            len(sample),
            dict(sorted(Counter(labels).items())),
            silent=silent,
            cut=sum(batch.cut for batch in batches),
        ),
        label=label,
        settings=Settings(key=key, batches=batched, **asked),
        versions=package_versions(),
        layers=tuple(layers),
        excluded=excluded,
        grouping=grouping,
        variations=variations,
    )
    if keep_points:
        keep(store, depths, sample, key, points_path(output))
    analysis.write(output)
    team.meet()
    store.remove()
    shards.remove()
    return analysis
