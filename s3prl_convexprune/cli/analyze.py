"""`analyze`: the convexity of every layer of an upstream on a labelled corpus."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..numbers import BLOCKS, CLASSES, SECONDS, SEED, SOURCES, WORKERS
from . import cells, completion, options

if TYPE_CHECKING:
    from ..artifact import Analysis


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.upstream(parser, several=True)
    options.ckpt(parser)
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="RUN",
        help="the folder of a run that fine-tuned this upstream: measure it after fine-tuning",
    )
    corpus = parser.add_argument(
        "--corpus",
        required=True,
        help="a corpus name, a CSV file path,label...[,start,end][,speaker][,split], a Kaldi folder, "
        "lhotse's manifests, or a Hugging Face dataset on this disk",
    )
    options.completed_by(corpus, completion.corpora)
    parser.add_argument("--root", type=Path, help="the corpus's folder, or what relative paths in a manifest start at")
    parser.add_argument(
        "--allow-pipes",
        action="store_true",
        help="run the shell commands that a Kaldi or lhotse manifest has in place of audio files",
    )
    parser.add_argument(
        "--label",
        required=True,
        nargs="+",
        metavar="LABEL",
        help="word, speaker, emotion, phoneme, or any column of the manifest; several share the reading of the corpus",
    )
    options.output(
        parser,
        "the analysis.json to write, or for several upstreams or labels the folder for an UPSTREAM-LABEL.json of each; "
        "curves go beside them",
        required=True,
    )
    parser.add_argument("--split", help="which split; 'train' by default when the corpus has one, 'all' for everything")
    options.number(parser, "--per-class", 200, "utterances a class at most")
    parser.add_argument(
        "--classes", type=CLASSES, metavar="N", help="so many classes at most, drawn by --seed (default: all)"
    )
    options.number(parser, "--neighbors", 10, "K of the neighbour graph")
    parser.add_argument(
        "--max-sources",
        type=SOURCES,
        metavar="N",
        help="start paths from at most so many points a class; 'auto': from as many as keep the standard error within "
        "10 %% of what all would give (default: all)",
    )
    parser.add_argument(
        "--approximate",
        action="store_true",
        help="approximate neighbours, for very many points (faiss; recall and effect are measured and said)",
    )
    parser.add_argument(
        "--window",
        type=SECONDS,
        metavar="SECONDS",
        help="hear a longer file in windows of so many seconds, 5 s on either side of them context (default: whole)",
    )
    parser.add_argument(
        "--context",
        choices=("file", "segment"),
        default="segment",
        help="what is heard with a segment of a file: the whole file, or the segment alone (default: %(default)s)",
    )
    parser.add_argument(
        "--precision", choices=("bf16",), help="run the upstream in bfloat16 where torch's autocast does (default: no)"
    )
    parser.add_argument(
        "--workers",
        type=WORKERS,
        metavar="N",
        help="processes that decode audio meanwhile (default: up to 8 beside a GPU, none on a CPU)",
    )
    options.number(parser, "--seed", 1337, "of the sampling", SEED)
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        help="what the standard errors count: speaker, session, file, another column, or none (default: the first of "
        "these that can be left out one at a time)",
    )
    parser.add_argument(
        "--group-blocks",
        type=BLOCKS,
        help="leave groups out in so many blocks of several (default: one at a time up to 20 groups, else 20 blocks)",
    )
    parser.add_argument(
        "--across",
        metavar="COLUMN",
        help="take neighbours from other groups only: speaker, session, file or another column (default: all points)",
    )
    parser.add_argument(
        "--protocol",
        choices=("exact", "paper"),
        default="exact",
        help="paper: as the paper's authors measured, as far as that is known (default: %(default)s)",
    )
    parser.add_argument(
        "--exact",
        type=Path,
        metavar="ANALYSIS",
        help="with --protocol paper: the exact analysis of the same sample, to print the difference to",
    )
    cells.launcher(parser, ("slurm", "local", "debug"), None, "share the utterances among a cluster's jobs (submitit)")
    parser.add_argument(
        "--keep-points", action="store_true", help="leave the pooled points beside the analysis, for 'screen'"
    )
    options.device(parser)


def run(args: argparse.Namespace) -> int:
    from ..upstreams.checks import check

    upstreams, labels = list(dict.fromkeys(args.upstream)), list(dict.fromkeys(args.label))
    check(upstreams, ckpt=args.ckpt, folders={"--root": args.root}, device=args.device)
    from ..analysis.protocols import check_exact
    from ..artifact import Analysis
    from ..errors import ConfigError

    if args.exact is not None and args.protocol != "paper":
        raise ConfigError("--exact goes with --protocol paper: it is what that is compared with")
    if len(upstreams) * len(labels) > 1:
        return _several(args, upstreams, labels)
    exact = None if args.exact is None else Analysis.read(args.exact)
    if exact is not None:
        check_exact(exact, upstreams[0], labels[0])
    return _one(args, upstreams[0], labels[0], exact)


def _one(args: argparse.Namespace, upstream: str, label: str, exact: Analysis | None) -> int:
    from ..analysis.analyze import analyze
    from ..analysis.plot import curve_paths
    from ..analysis.team import Jobs, own_team

    launcher_options = cells.parse_options(args.launcher_option)
    curve_paths(args.output.with_suffix(""))
    jobs = None if args.launcher is None else Jobs(args.jobs, args.launcher, launcher_options)
    analysis = analyze(upstream, args.corpus, label, args.output, jobs=jobs, **_settings(args))
    if int(os.environ.get("RANK", "0")) > 0 and own_team().shares:
        return 0  # the first process says and draws it
    _say(analysis, args.output, exact)
    return 0


def _several(args: argparse.Namespace, upstreams: list[str], labels: list[str]) -> int:
    from ..analysis.analyze_all import analyze_all
    from ..analysis.names import outputs_in
    from ..analysis.plot import curve_paths
    from ..errors import ConfigError

    of_one = {"--launcher": args.launcher, "--launcher-option": args.launcher_option or None, "--exact": args.exact}
    for option, given in of_one.items():
        if given is not None:
            raise ConfigError(f"{option} is for one analysis: give one upstream and one label, or leave it out")
    paths = outputs_in(args.output, upstreams, labels)
    for path in paths.values():
        curve_paths(path.with_suffix(""))
    found = analyze_all(upstreams, args.corpus, labels, args.output, **_settings(args))
    for pair, analysis in found.made.items():
        _say(analysis, paths[pair])
    found.raise_failed()
    return 0


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """What one analysis and several take alike."""
    return {
        "root": args.root,
        "allow_pipes": args.allow_pipes,
        "ckpt": args.ckpt,
        "weights": args.weights,
        "split": args.split,
        "per_class": args.per_class,
        "classes": args.classes,
        "neighbors": args.neighbors,
        "max_sources": args.max_sources,
        "approximate": args.approximate,
        "seed": args.seed,
        "protocol": args.protocol,
        "window": args.window,
        "context": args.context,
        "precision": args.precision,
        "workers": args.workers,
        "group": args.group,
        "group_blocks": args.group_blocks,
        "across": args.across,
        "device": args.device,
        "keep_points": args.keep_points,
        "layer_jobs": args.jobs if args.launcher is None else 1,
    }


def _say(analysis: Analysis, output: Path, exact: Analysis | None = None) -> None:
    """Draw an analysis and print it."""
    from ..analysis.plot import draw_curve
    from ..analysis.protocols import protocol_difference
    from ..analysis.published import agreement, published_for

    published = published_for(analysis)
    curves = draw_curve([analysis], output.with_suffix(""), published=[published])
    print(analysis.table())
    if published is not None:
        print(f"against the paper's published curve: {agreement(analysis, published).sentence}")
    if analysis.settings.protocol == "paper":
        change, layer = protocol_difference(analysis).largest
        print(
            f"on these points, drawing at most {analysis.settings.pairs_a_class} pairs a class and averaging over them "
            f"changes the exact score by at most {abs(change):.2f} points (L{layer})"
        )
        print(
            "for what the padding changes too, give --exact ANALYSIS: the same sample by the exact protocol"
            if exact is None
            else protocol_difference(analysis, exact).table()
        )
    print(f"wrote {', '.join(map(str, [output, *curves]))}; for a depth: s3prl-convexprune select {output}")
