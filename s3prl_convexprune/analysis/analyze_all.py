"""The analysis of several upstreams, or under several labels, on one corpus, which is read once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from ..artifact import Analysis
from ..corpora import is_path, open_corpus
from ..corpora.audio_header import read_header
from ..corpora.manifest import Utterance
from ..errors import ConfigError
from ..outputs import claim_output
from ..upstreams.checks import check
from ..upstreams.finetuned import find_run
from .batches import Batching, batch_seconds
from .measure_all import Analyses, measure_all
from .names import outputs_in
from .protocols import get_protocol
from .request import Request, cut_out
from .sampled import draw
from .team import own_team


def analyze_all(
    upstreams: Sequence[str],
    corpus: str | Path | Sequence[Utterance],
    labels: Sequence[str],
    output: str | Path,
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
    keep_points: bool = False,
    layer_jobs: int = 1,
    approximate: bool = False,
    progress: bool = True,
) -> Analyses:
    """`analyze` for every pair of an upstream and a label: the same artifacts, byte for byte, with less work.

    Every audio file is decoded once, whatever the number of pairs (a file longer than `window`, or one that is heard in
    float32 beside bf16, again), and hashed once. An upstream is built once for all labels, and a batch that the plans
    of several labels have in common is passed once. All upstreams are in memory until the last batch. A call that was
    killed goes on where it was; a finished artifact is not made again.

    Args:
        upstreams: names on s3prl's hub.
        corpus: as in `analyze`.
        labels: the label kinds whose classes are measured.
        output: the folder; an artifact's name in it is ``<upstream>-<label>.json``.
        root, allow_pipes, corpus_name, ckpt, split, per_class, classes, neighbors, max_sources, seed, protocol: as in
            `analyze`, for every pair.
        weights: as in `analyze`, for one upstream.
        window, context, precision, workers, group, group_blocks, across, device, keep_points, layer_jobs: likewise for
            every pair.
        approximate, progress: likewise.

    Returns:
        The artifacts, and why a pair has none: what is wrong with one upstream does not end the others.

    Raises:
        ConvexPruneError: what concerns every pair is wrong, such as a name, an option, a label, a file; see `errors`.
    """
    upstreams, labels = _distinct("upstreams", upstreams), _distinct("labels", labels)
    device = check(upstreams, ckpt=ckpt, folders={"--root (root)": root}, device=device) or "cpu"
    if own_team().shares:
        raise ConfigError("torchrun's processes share one analysis: give one upstream and one label")
    if weights is not None and len(upstreams) > 1:
        raise ConfigError(f"--weights {weights}: is the run of one upstream; give that one alone")
    outputs = outputs_in(Path(output), upstreams, labels)
    request = Request(
        upstream=upstreams[0],
        label=labels[0],
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
        device=device,
        keep_points=keep_points,
        layer_jobs=layer_jobs,
        approximate=approximate,
    )
    if not isinstance(corpus, str | Path):
        utterances = dict.fromkeys(labels, list(corpus))
    elif is_path(str(corpus)):
        utterances = dict.fromkeys(labels, open_corpus(str(corpus), labels[0], root, allow_pipes=allow_pipes))
    else:
        utterances = {label: open_corpus(str(corpus), label, root) for label in labels}
    header_of = cache(read_header)
    samples = {label: draw(replace(request, label=label), rows, header_of) for label, rows in utterances.items()}
    with ExitStack() as stack:
        for place in outputs.values():
            stack.enter_context(claim_output(place, Analysis.FORMAT, Analysis.VERSION))
        return measure_all(request, upstreams, samples, outputs, progress)


def _distinct(what: str, names: Sequence[str]) -> list[str]:
    if isinstance(names, str) or not names:
        raise ConfigError(f"{what}: expected a list of names, not {names!r}")
    return list(dict.fromkeys(names))
