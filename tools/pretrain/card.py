"""The tables of the model card: what each layer knows, against the same model untrained.

``python -m tools.pretrain.card MODEL [--probe NAME=manifest.csv ...] -o card.json``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from transformers import HubertModel

from s3prl_convexprune.atomic import write_json
from s3prl_convexprune.convexity import graph_convexity
from s3prl_convexprune.demo.corpus import demo_clips, read_clip

from .probe import held_out_accuracy, pooled_states, read_probe

DEMO_TASKS = {
    "demo words, voices held out": ("word", "word", "session"),
    "demo voices, words held out": ("word", "speaker", "speaker_split"),
    "demo styles, voices held out": ("phrase", "style", "session"),
}
"""Name -> the kind of clip, the label's column and the column whose values are held out in turn."""

Clips = tuple[list[np.ndarray], np.ndarray, np.ndarray]


def measure(model: HubertModel, tasks: dict[str, Clips]) -> dict[str, dict[str, list[float]]]:
    """Held-out probe accuracy and graph convexity of every layer on every task, in percent.

    Args:
        model: in evaluation mode.
        tasks: name -> clips, labels and folds.
    """
    table = {}
    for name, (clips, labels, folds) in tasks.items():
        points = pooled_states(model, clips)
        layers = [points[:, layer] for layer in range(points.shape[1])]
        table[name] = {
            "accuracy": [100 * held_out_accuracy(layer, labels, folds) for layer in layers],
            "convexity": [graph_convexity(layer, labels.tolist()).score for layer in layers],
        }
    return table


def demo_tasks() -> dict[str, Clips]:
    """The demo corpus, which was in no pretraining, as three tasks."""
    tasks = {}
    for name, (kind, label, fold) in DEMO_TASKS.items():
        chosen = [clip for clip in demo_clips() if clip["kind"] == kind]
        labels, folds = (np.array([clip[column] for clip in chosen]) for column in (label, fold))
        tasks[name] = ([read_clip(clip["path"]) for clip in chosen], labels, folds)
    return tasks


def markdown(trained: dict[str, dict[str, list[float]]], untrained: dict[str, dict[str, list[float]]], key: str) -> str:
    """One table: a row per layer, a column a task, "trained (untrained)"."""
    lines = ["| layer | " + " | ".join(trained) + " |", "|-" * (len(trained) + 1) + "|"]
    for layer in range(len(next(iter(trained.values()))[key])):
        cells = (f"{trained[task][key][layer]:.1f} ({untrained[task][key][layer]:.1f})" for task in trained)
        lines.append(f"| {layer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, write the numbers and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--probe", metavar="NAME=MANIFEST", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the untrained models")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    tasks = {name: read_probe(Path(path)) for name, _, path in (given.partition("=") for given in options.probe)}
    tasks |= demo_tasks()
    model = HubertModel.from_pretrained(options.model).eval()
    trained = measure(model, tasks)
    runs = []
    for seed in options.seeds:
        torch.manual_seed(seed)
        runs.append(measure(HubertModel(model.config).eval(), tasks))
    untrained = {
        task: {key: np.mean([run[task][key] for run in runs], axis=0).tolist() for key in trained[task]}
        for task in trained
    }
    write_json(options.output, {"trained": trained, "untrained": untrained, "untrained_seeds": options.seeds})
    for key in ("accuracy", "convexity"):
        print(
            f"\n{key}, %: trained (untrained, mean of {len(options.seeds)} seeds)\n\n"
            f"{markdown(trained, untrained, key)}"
        )


if __name__ == "__main__":
    main()
