"""The analysis: corpus -> sample -> hidden-state points -> a convexity score a layer -> one artifact."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from ..artifact import Analysis, Batches, Checkpoint, CorpusFacts, FineTuned, LayerRow, Settings
from ..convexity import graph_convexity
from ..corpora import open_corpus
from ..corpora.manifest import Utterance, check_distinct, effective_split, with_label
from ..errors import ConfigError, ConvexPruneError, CorpusError, DataError
from ..fingerprint import file_sha256, settings_sha256, weights_sha256
from ..numbers import AT_LEAST_ONE, SEED, WORKERS
from ..outputs import claim_output
from ..progress import progress_bar
from ..schema import Artifact
from ..upstreams.checks import check
from ..upstreams.cost import DepthCost, depth_costs
from ..upstreams.finetuned import FineTunedRun, find_run, load_finetuned
from ..upstreams.prune import state_depths
from ..upstreams.registry import build_upstream
from ..versions import package_versions
from .batches import Batching, Lengths, plan_batches, plan_sha256
from .hidden_states import batching_for, extract_points
from .plot import SUFFIXES
from .points import PointStore
from .protocols import Protocol, get_protocol
from .sampling import sample_per_class

logger = logging.getLogger(__name__)

MACS_SECONDS = 10.0


@dataclass(frozen=True)
class LayerScored(Artifact):
    """A layer that a killed analysis need not score again."""

    FORMAT: ClassVar[str] = "layer"
    VERSION: ClassVar[int] = 1
    MADE_BY: ClassVar[str] = "s3prl-convexprune analyze"

    row: LayerRow
    excluded: tuple[str, ...]


def analyze(
    upstream: str,
    corpus: str | Path | Sequence[Utterance],
    label: str,
    output: str | Path | None = None,
    *,
    root: str | Path | None = None,
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
    device: str | None = None,
    progress: bool = True,
) -> Analysis:
    """Measure the convexity of every layer of an upstream.

    A run that was killed goes on where it was; a run whose artifact is there already, made with the same weights,
    corpus and settings, returns it.

    Args:
        upstream: a name on s3prl's hub.
        corpus: a corpus's name or a manifest's path, as `open_corpus` takes it, or the utterances themselves.
        label: the label kind whose classes are measured.
        output: where the artifact goes; unfinished work lies in `<output>.work/` beside it. None keeps nothing on
            disk, so that a killed run starts over.
        root: the corpus's folder, or what relative paths in the manifest start at.
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
        device: where the upstream runs; None takes the GPU if there is one.
        progress: whether to show progress bars.

    Returns:
        The artifact, which was also written where `output` says.

    Raises:
        ConvexPruneError: bad input of any kind; see `errors`.
    """
    device = check([upstream], ckpt=ckpt, folders={"--root (root)": root}, device=device) or "cpu"
    if output is None:
        with tempfile.TemporaryDirectory(prefix="s3prl_convexprune-") as scratch:
            return analyze(
                upstream,
                corpus,
                label,
                Path(scratch, "analysis.json"),
                root=root,
                corpus_name=corpus_name,
                ckpt=ckpt,
                weights=weights,
                split=split,
                per_class=per_class,
                neighbors=neighbors,
                seed=seed,
                protocol=protocol,
                window=window,
                precision=precision,
                workers=workers,
                device=device,
                progress=progress,
            )
    output = Path(output)
    if output.suffix in SUFFIXES:
        raise ConfigError(f"{output}: a curve goes there; name the analysis {output.with_suffix('.json').name}")
    AT_LEAST_ONE.check("per_class", per_class)
    AT_LEAST_ONE.check("neighbors", neighbors)
    SEED.check("seed", seed)
    fixed = get_protocol(protocol)
    batching = Batching(window=window)
    if workers is not None:
        WORKERS.check("workers", workers)
    run = find_run(weights) if weights is not None else None
    if isinstance(corpus, str | Path):
        utterances, name = open_corpus(str(corpus), label, root), str(corpus)
    else:
        utterances, name = list(corpus), "manifest"
    with claim_output(output, Analysis.FORMAT, Analysis.VERSION):
        return _analyze(
            upstream,
            utterances,
            label,
            output,
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
            device,
            progress,
        )


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
    device: str,
    progress: bool,
) -> Analysis:
    split = effective_split(utterances, split)
    labelled = with_label(utterances, label, split)
    check_distinct(labelled, label)
    sample = sample_per_class(labelled, label, per_class, seed)
    if neighbors >= len(sample):
        raise DataError(f"--neighbors {neighbors}: the sample has {len(sample)} points; K must be less")
    lengths = Lengths.read(sample, protocol.samples)
    expert = build_upstream(upstream, ckpt=ckpt)
    batching = batching_for(expert, batching)
    batches = plan_batches(lengths, batching)
    if run is not None:
        load_finetuned(expert, upstream, run)
    weights = weights_sha256(expert)
    fingerprint = corpus_fingerprint(sample, label, progress)
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
    }
    key = settings_sha256({**what_points_depend_on, "settings": asked, "label": label, "corpus_name": corpus})
    work = output.with_name(output.name + ".work"), settings_sha256(what_points_depend_on), len(sample)
    finished = _finished(output, key)
    if finished is not None:
        PointStore.remove_finished(*work)
        return finished

    store = PointStore(*work)
    costs = _costs(expert)
    silent = extract_points(
        expert, sample, store, device, progress, protocol.samples, batches, batching, precision, workers
    )
    depths = _depths(expert, len(store.layer_paths()))
    del expert
    labels = [utterance.labels[label] for utterance in sample]
    layers, excluded = _score_layers(store, depths, labels, neighbors, protocol.pairs_a_class, seed, costs, progress)
    analysis = Analysis(
        upstream=upstream,
        checkpoint=Checkpoint(ckpt, weights, _facts(run)),
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
    )
    analysis.write(output)
    store.remove()
    return analysis


def _facts(run: FineTunedRun | None) -> FineTuned | None:
    return FineTuned(str(run.folder), run.task, run.seed, run.checkpoint.name) if run is not None else None


def corpus_fingerprint(sample: Sequence[Utterance], label: str, progress: bool = True) -> str:
    """SHA-256 over the sample: every file's bytes, every segment's times, every label; not where the files lie."""
    files = sorted({utterance.path for utterance in sample})
    content = {path: _digest(path) for path in progress_bar(files, unit="file", desc="fingerprint", show=progress)}
    digest = hashlib.sha256()
    for row in sample:
        digest.update(json.dumps([row.path.name, content[row.path], row.start, row.end, row.labels[label]]).encode())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise CorpusError(f"{path}: the audio file cannot be read: {error.strerror}") from error


def _finished(output: Path, key: str) -> Analysis | None:
    if not output.is_file():
        return None
    try:
        analysis = Analysis.read(output)
    except ConvexPruneError:
        logger.warning("%s is not a readable analysis; it will be replaced", output)
        return None
    return analysis if analysis.settings.key == key else None


def _costs(expert: Any) -> dict[int, DepthCost]:
    """What every depth costs; nothing for an upstream that has no transformer layers to cut."""
    try:
        return {cost.layers: cost for cost in depth_costs(expert, seconds=MACS_SECONDS)}
    except ConvexPruneError as error:
        logger.warning("no costs by depth: %s", error)
        return {}


def _depths(expert: Any, states: int) -> list[int | None]:
    """How many transformer layers each hidden state has behind it; None for one that no cut ends at."""
    try:
        return state_depths(expert, states)
    except ConvexPruneError:
        return list(range(states))


def _score_layers(
    store: PointStore,
    depths: Sequence[int | None],
    labels: Sequence[str],
    neighbors: int,
    draw_pairs: int | None,
    seed: int,
    costs: dict[int, DepthCost],
    progress: bool,
) -> tuple[list[LayerRow], tuple[str, ...]]:
    rows: list[LayerRow] = []
    excluded: tuple[str, ...] = ()
    for k, depth in enumerate(progress_bar(depths, unit="layer", desc="convexity", show=progress)):
        if depth is None:
            continue
        drawn = "" if draw_pairs is None else f"_{draw_pairs}_{seed}"
        kept = store.folder / f"convexity_{k:03d}_{neighbors}{drawn}.json"
        if not kept.is_file():
            result = graph_convexity(store.layer(k), labels, n_neighbors=neighbors, draw_pairs=draw_pairs, seed=seed)
            row = LayerRow(
                layer=depth,
                convexity=result.score,
                sem=result.sem,
                per_class={str(name): value for name, value in result.per_class.items()},
                pair_convexity=result.pair_score,
                capped_convexity=result.capped_score,
                capped_sampling_sem=result.capped_sampling_sem,
                n_pairs=result.n_pairs,
                disconnected=result.disconnected,
                influence=tuple(float(f"{value:.7g}") for value in result.influence),
                params=costs[depth].params if depth in costs else None,
                macs=costs[depth].macs if depth in costs else None,
            )
            LayerScored(row, tuple(map(str, result.excluded))).write(kept)
        scored = LayerScored.read(kept)
        rows.append(scored.row)
        excluded = scored.excluded
    return rows, excluded
