"""The analysis: corpus -> sample -> hidden-state points -> a convexity score per layer -> one artifact."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from ..artifact import Analysis
from ..corpora import open_corpus
from ..corpora.manifest import Utterance
from ..errors import ConfigError
from ..outputs import claim_output
from ..upstreams.checks import check
from ..upstreams.finetuned import find_run
from .batches import Batching, batch_seconds
from .measure import measure
from .plot import SUFFIXES
from .protocols import get_protocol
from .request import Request, cut_out
from .team import Jobs, own_device, own_team

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
    classes: int | None = None,
    neighbors: int = 10,
    max_sources: int | Literal["auto"] | None = None,
    seed: int = 1337,
    protocol: str = "exact",
    window: float | None = None,
    context: Literal["file", "segment"] = "segment",
    precision: Literal["bf16"] | None = None,
    workers: int | None = None,
    group: str | None = None,
    group_blocks: int | None = None,
    across: str | None = None,
    device: str | None = None,
    jobs: Jobs | None = None,
    keep_points: bool = False,
    layer_jobs: int = 1,
    approximate: bool = False,
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
        classes: so many of the classes at most, drawn by `seed`; None takes all.
        neighbors: K of the neighbour graph.
        max_sources: points a class that paths start from, at most, or ``auto``; see `convexity.graph_convexity`.
        seed: of the sampling.
        protocol: ``exact``, or ``paper`` for what is known of the paper's own way; see `protocols.PROTOCOLS`.
        window: seconds of a longer file that are heard at once; None hears every file whole. See `batches.Batching`.
        context: what is heard with a segment of a file: ``segment``, itself alone, or the whole ``file``, whose
            neighbouring speech its states then know too.
        precision: ``bf16`` runs the upstream under torch's autocast; None in float32.
        workers: processes that decode audio beside the upstream; None: up to eight beside a GPU, none on a CPU.
        group, group_blocks: what the standard errors count, and in how many blocks; see `grouping.grouped`.
        across: ``speaker``, ``session``, ``file`` or another column: a point's neighbours are those of other groups.
        device: where the upstream runs; None takes the GPU if there is one.
        jobs: a cluster's jobs that share the batches; None works here.
        layer_jobs: layers whose convexity is measured at a time, each by a process of its own.
        approximate: whether neighbours may be approximate, for very many points; see `convexity.approximate`.
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
    request = Request(
        upstream=upstream,
        label=label,
        corpus=corpus_name or (str(corpus) if isinstance(corpus, str | Path) else "manifest"),
        ckpt=ckpt,
        run=find_run(weights) if weights is not None else None,
        split=split,
        per_class=per_class,
        classes=classes,
        neighbors=neighbors,
        max_sources=max_sources,
        seed=seed,
        protocol=get_protocol(protocol),
        batching=Batching(seconds=batch_seconds(device), window=window, cut_out=cut_out(context)),
        precision=precision,
        workers=workers,
        group=group,
        group_blocks=group_blocks,
        across=across,
        device=own_device(device),
        keep_points=keep_points,
        layer_jobs=layer_jobs,
        approximate=approximate,
    )
    if isinstance(corpus, str | Path):
        utterances = open_corpus(str(corpus), label, root, allow_pipes=allow_pipes)
    else:
        utterances = list(corpus)
    with ExitStack() as stack:
        if place is None:
            place = Path(stack.enter_context(TemporaryDirectory(prefix="s3prl_convexprune-")), "analysis.json")
        if team.leads:
            stack.enter_context(claim_output(place, Analysis.FORMAT, Analysis.VERSION))
        return measure(request, utterances, place, team, jobs, progress)
