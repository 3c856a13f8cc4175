"""``python -m tools.pretrain``: all iterations, from folders of audio to a model folder."""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor
from transformers import HubertModel

from s3prl_convexprune.atomic import write_bytes, write_json
from s3prl_convexprune.devices import choose_device
from s3prl_convexprune.errors import ConfigError, ConvexPruneError
from s3prl_convexprune.versions import package_versions

from .audio import Streams, read_streams
from .model import save_encoder, tiny_config
from .probe import probe
from .targets import cluster, layer_features, mfcc_features, voice_features
from .train import Schedule, Trainer


def main(arguments: list[str] | None = None) -> None:
    """Pretrain; see ``--help``."""
    try:
        pretrain(_parser().parse_args(arguments))
    except ConvexPruneError as error:
        raise SystemExit(f"error: {error}") from error


def pretrain(options: argparse.Namespace) -> None:
    """Run every iteration that is not finished yet; each leaves a model in ``OUTPUT/iteration-N``.

    Raises:
        ConfigError: --steps and --clusters name different numbers of iterations, or an iteration needs a
            teacher layer and there is neither --teacher-layer nor --select-by.
    """
    voices = options.voice_clusters or [0] * len(options.steps)
    for option, values in (("--clusters", options.clusters), ("--voice-clusters", voices)):
        if len(values) != len(options.steps):
            raise ConfigError(f"--steps names {len(options.steps)} iterations, {option} {len(values)}")
    probes = {manifest.stem: manifest for manifest in options.probe}
    if options.teacher_layer is None and options.select_by not in probes and len(options.steps) > 1:
        raise ConfigError(f"a second iteration needs --teacher-layer, or --select-by one of {sorted(probes)}")
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    options.device = choose_device(options.device)
    streams = read_streams(options.audio, options.device)
    print(f"{streams.hours:.2f} h of audio in {len(streams.frames)} streams", flush=True)
    iterations = zip(options.steps, options.clusters, voices, strict=True)
    for number, (steps, clusters, voice_clusters) in enumerate(iterations, start=1):
        folder = options.output / f"iteration-{number}"
        if (folder / "summary.json").is_file():
            continue
        layer = None if number == 1 else _teacher_layer(options, number - 1)
        schedule = Schedule(
            steps=steps,
            batch_seconds=options.batch_seconds,
            learning_rate=options.lr,
            mask_share=options.mask_share,
            unmasked_weight=options.unmasked_weight,
            seed=100 * options.seed + number,
            bfloat16=options.bfloat16,
        )
        targets = _targets(streams, options, number, layer, clusters, voice_clusters)
        start = _previous(options, number) if options.warm_start and number > 1 else None
        trainer = Trainer(streams, targets, tiny_config(options.pre_norm), schedule, start)
        encoder = trainer.run(folder).encoder
        save_encoder(encoder, folder)
        summary = {
            "iteration": number,
            "pre_norm": options.pre_norm,
            "clusters": clusters,
            "voice_clusters": voice_clusters,
            "teacher_layer": layer,
            "warm_start": start is not None,
            "schedule": asdict(schedule),
            "hours": round(streams.hours, 3),
            "streams": len(streams.frames),
            "last": trainer.log[-1],
            "probes": {name: probe(encoder, manifest) for name, manifest in probes.items()},
            "versions": package_versions(),
        }
        write_json(folder / "summary.json", summary)


def _teacher_layer(options: argparse.Namespace, number: int) -> int:
    """The layer of iteration `number` whose states the next one's targets come from."""
    if options.teacher_layer is not None:
        return int(options.teacher_layer)
    summary = json.loads((options.output / f"iteration-{number}" / "summary.json").read_text())
    scores = summary["probes"][options.select_by]
    return scores.index(max(scores))


def _previous(options: argparse.Namespace, number: int) -> HubertModel:
    """The model that the iteration before `number` left."""
    return HubertModel.from_pretrained(options.output / f"iteration-{number - 1}")


def _targets(
    streams: Streams, options: argparse.Namespace, number: int, layer: int | None, clusters: int, voice_clusters: int
) -> Tensor:
    """The frame targets of an iteration, a column a k-means model; read again if they were made before."""
    saved = options.output / f"targets-{number}.pt"
    if saved.is_file():
        return torch.load(saved, map_location=options.device, weights_only=True).long()
    if layer is None:
        features = mfcc_features(streams)
    else:
        features = layer_features(streams, _previous(options, number).to(options.device), layer)
    columns = [cluster(streams, features, clusters, options.seed)]
    if voice_clusters:
        columns.append(cluster(streams, voice_features(streams), voice_clusters, options.seed))
    targets = torch.stack(columns, dim=-1)
    content = io.BytesIO()
    torch.save(targets.to(torch.int16), content)
    write_bytes(saved, content.getvalue())
    return targets


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.pretrain",
        description="Pretrain a tiny HuBERT on folders of audio: k-means on MFCCs, masked prediction, then "
        "again with k-means on a layer of the model before. Run again after a kill, it goes on.",
    )
    parser.add_argument("--audio", type=Path, nargs="+", required=True, help="searched; one folder a speaker")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for iteration-1, iteration-2, ...")
    parser.add_argument("--steps", type=int, nargs="+", default=[4000, 8000], help="updates of each iteration")
    parser.add_argument("--clusters", type=int, nargs="+", default=[100, 200], help="targets of each iteration")
    parser.add_argument(
        "--voice-clusters",
        type=int,
        nargs="+",
        metavar="N",
        help="targets to predict beside them in each iteration: clusters of MFCCs that are not normalised by "
        "speaker, so that voices are kept (default: none)",
    )
    parser.add_argument("--probe", type=Path, nargs="*", default=[], help="manifests of path,label,fold")
    parser.add_argument("--select-by", metavar="NAME", help="the probe (file stem) that picks the teacher layer")
    parser.add_argument("--teacher-layer", type=int, help="the layer for the next iteration's targets")
    parser.add_argument("--pre-norm", action="store_true", help="LayerNorm before, as in HuBERT Large")
    parser.add_argument("--warm-start", action="store_true", help="start from the weights of the iteration before")
    parser.add_argument("--batch-seconds", type=float, default=8.0)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--mask-share", type=float, default=0.5)
    parser.add_argument("--unmasked-weight", type=float, default=0.5)
    parser.add_argument("--bfloat16", action="store_true", help="faster where the hardware has bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="default: the GPU if there is one, else cpu")
    return parser


if __name__ == "__main__":
    main()
