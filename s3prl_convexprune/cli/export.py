"""`export`: a cut upstream as an ordinary checkpoint, or as a folder for plain transformers."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import completion, options

if TYPE_CHECKING:
    from ..deploy.exported import Quantised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    name = parser.add_argument("name", help="a pruned upstream, such as hubert_convexpruned_L6 or a config's name")
    options.completed_by(name, completion.cuts)
    options.output(parser, "file to write (a new folder for hf_* upstreams and for the other formats)", required=True)
    options.ckpt(parser)
    parser.add_argument(
        "--format",
        choices=("s3prl", "hf", "onnx"),
        default="s3prl",
        help="s3prl: what s3prl's own entries load; hf: a folder that plain transformers loads; onnx: a folder with a "
        "graph that onnxruntime runs (default: s3prl)",
    )
    parser.add_argument(
        "--final-norm", choices=("drop", "keep"), help="for pre-norm (large) upstreams, which need 'keep'"
    )
    parser.add_argument(
        "--returns",
        choices=("states", "last", "pooled"),
        help="for onnx: what the graph gives: every hidden state, the last one, or each one's mean over time "
        "(default: states)",
    )
    parser.add_argument(
        "--head",
        type=Path,
        metavar="EXPERIMENT",
        help="for onnx: an s3prl experiment, or a finished fine-tuning, whose head travels",
    )
    parser.add_argument(
        "--int8", action="store_true", help="for onnx: eight bits; what that loses is measured and stands beside it"
    )
    parser.add_argument(
        "--measure",
        type=Path,
        metavar="MANIFEST",
        help="for --int8: a manifest.csv on whose recordings the loss is measured, with --head the task's score too",
    )
    parser.add_argument("--analysis", type=Path, help="for hf: an analysis.json, whose curve the model card shows")
    parser.add_argument(
        "--results", nargs="+", type=Path, default=[], help="for hf: grids or results.json whose scores the card shows"
    )
    parser.add_argument(
        "--push-to-hub", metavar="REPO", help="for hf: upload the folder to user/name on the Hugging Face hub"
    )


def run(args: argparse.Namespace) -> int:
    from ..verbs import export

    there_already = os.path.lexists(args.output)  # never raises for what `export` will refuse
    done: Any = export(
        args.name,
        args.output,
        ckpt=args.ckpt,
        final_norm=args.final_norm,
        format=args.format,
        returns=args.returns,
        head=args.head,
        int8=args.int8,
        measure=args.measure,
        analysis=args.analysis,
        results=args.results,
        push_to_hub=args.push_to_hub,
    )
    if there_already:
        print(f"{args.output} is finished already; it is left as it is")
    if args.format == "onnx":
        worst = max(max(row.relative) for row in done.parity)
        print(f"{args.output}: the first {done.layers} transformer layers of {done.base} as an ONNX graph")
        print(
            f"it gives what torch gives, to {worst:.1e} of its size at most ({args.output / 'export.json'} says where)"
        )
        if done.quantised is not None:
            _say_loss(done.quantised)
        return 0
    print(f"{args.output}: the first {done.layers} of {done.whole} transformer layers of {done.base}")
    if args.format == "hf":
        print(f"transformers loads it: AutoModel.from_pretrained({str(args.output)!r})")
    else:
        print(f"s3prl loads it without this package: run_downstream.py -u {done.entry} -k {args.output} ...")
    if args.push_to_hub:
        print(f"uploaded to {args.push_to_hub}; a new repository is private until you say otherwise")
    return 0


def _say_loss(quantised: Quantised) -> None:
    from ..deploy.exported import TextScore

    worst = max(max(row.relative) for row in quantised.difference)
    print(
        f"eight bits move a hidden state by {100 * worst:.1f} % of its size at most on noise, before which it was exact"
    )
    if (measured := quantised.measured) is None:
        print("what they cost a task was not measured: --measure MANIFEST")
        return
    print(f"{100 * max(measured.relative):.1f} % on the {measured.utterances} recordings of {measured.manifest}")
    if (score := measured.score) is None:
        return
    value, low, high = score.difference
    change = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
    if isinstance(score, TextScore):
        print(f"WER {score.full:.2f} % in torch, {score.eight:.2f} % in eight bits: {change}")
        print(f"CER {score.full_characters:.2f} % in torch, {score.eight_characters:.2f} % in eight bits")
        return
    accuracy = f"{score.task.upper()} accuracy {score.full:.2f} % in torch, {score.eight:.2f} % in eight bits"
    print(f"{accuracy}: {change}, McNemar p {score.p:.2g}")
    shown = "shows" if score.within_margin else "does not show"
    print(f"the interval {shown} that at most {score.margin:g} point is lost, the margin")
