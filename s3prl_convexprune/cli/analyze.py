"""`analyze`: the convexity of every layer of an upstream on a labelled corpus."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-u", "--upstream", required=True, help="any upstream on s3prl's hub")
    parser.add_argument("-k", "--ckpt", help="its checkpoint (path or URL), for upstreams that need one")
    parser.add_argument(
        "--corpus",
        required=True,
        help="a corpus name, or a manifest: a CSV file path,label...[,start,end][,speaker][,split]",
    )
    parser.add_argument(
        "--root", type=Path, help="the corpus's folder, or what relative paths in a manifest start at"
    )
    parser.add_argument(
        "--label", required=True, help="word, speaker, emotion, phoneme, or any column of the manifest"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the analysis.json to write; curves go beside it"
    )
    parser.add_argument(
        "--split", help="which split; 'train' by default when the corpus has one, 'all' for everything"
    )
    parser.add_argument(
        "--per-class", type=int, default=200, help="utterances a class at most (default %(default)s)"
    )
    parser.add_argument(
        "--neighbors", type=int, default=10, help="K of the neighbour graph (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1337, help="of the sampling (default %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    from ..analysis.analyze import analyze, open_corpus
    from ..analysis.plot import draw_curve

    analysis = analyze(
        args.upstream,
        open_corpus(args.corpus, args.label, args.root),
        args.label,
        args.output,
        corpus=args.corpus,
        ckpt=args.ckpt,
        split=args.split,
        per_class=args.per_class,
        neighbors=args.neighbors,
        seed=args.seed,
        device=args.device,
    )
    curves = draw_curve([analysis], args.output.with_suffix(""))
    print(analysis.table())
    print(f"wrote {args.output}, " + ", ".join(map(str, curves)))
    return 0
