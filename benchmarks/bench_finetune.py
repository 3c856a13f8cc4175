"""What fine-tuning a cut upstream costs against the whole one, beside what its MACs predict.

    python -m benchmarks.bench_finetune [--size base|large] [--rounds 5] [--seconds 4] [--batch 1] [--device cuda]

The upstream sits in the SpeechBrain lobe with a linear head; a training step is forward, backward and an SGD
step, as the recipes train it: convolutional front end frozen (or trained, with --train-front-end). Random
weights, no download. All depths are timed in turn in every round of one process; the table shows medians of
the rounds' ratios to the whole upstream. On a CPU the time is processor time, so that other work on the
machine does not count.

The prediction: the front end is paid for once, everything after it once in inference and three times in training (a
backward pass multiplies twice where the forward pass multiplies once).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.hubert_sizes import SIZES, write_checkpoint
from s3prl_convexprune.devices import choose_device
from s3prl_convexprune.speechbrain import PrunedUpstream
from s3prl_convexprune.speechbrain.measure import Stopwatch
from s3prl_convexprune.upstreams.cost import count_macs

DEPTHS = {"base": (4, 6, 9, 12), "large": (6, 12, 18, 24)}


@dataclass
class Trainee:
    """A lobe with a head that can be trained for a step or run once."""

    lobe: PrunedUpstream
    device: str

    def __post_init__(self) -> None:
        self.head = torch.nn.Linear(self.lobe.output_size, 35).to(self.device)
        self.lobe.to(self.device)
        parameters = [*self.lobe.upstream_parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=1e-6)

    def train(self, wavs: torch.Tensor) -> None:
        self.lobe.train()
        self.head(self.lobe(wavs).mean(dim=1)).logsumexp(dim=-1).sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.inference_mode()
    def infer(self, wavs: torch.Tensor) -> None:
        self.lobe.eval()
        self.head(self.lobe(wavs).mean(dim=1))


def seconds(work: Callable[[torch.Tensor], None], wavs: torch.Tensor, device: str) -> float:
    with Stopwatch(device) as watch:
        work(wavs)
    return watch.cpu if device == "cpu" else watch.wall


def predicted(lobe: PrunedUpstream, wav: torch.Tensor, front_end_trained: bool) -> tuple[float, float]:
    """MACs of a training step and of a forward pass, up to a factor that all depths share."""
    assert lobe.front_end is not None
    total, (front_end,) = count_macs(lobe.upstream, [wav], [lobe.front_end])
    return (3 * front_end if front_end_trained else front_end) + 3 * (total - front_end), total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", help="default: the GPU if there is one, else cpu")
    parser.add_argument("--train-front-end", action="store_true")
    args = parser.parse_args()
    device = choose_device(args.device)
    depths, whole = DEPTHS[args.size], SIZES[args.size][1]
    generator = torch.Generator().manual_seed(0)
    wavs = 0.1 * torch.randn(args.batch, round(16000 * args.seconds), generator=generator)
    wavs = wavs.to(device)
    trainees, macs, params = {}, {}, {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        checkpoint = str(write_checkpoint(args.size, whole, Path(folder)))
        for depth in depths:
            name = "hubert_custom" if depth == whole else f"hubert_custom_convexpruned_L{depth}"
            lobe = PrunedUpstream(name, ckpt=checkpoint, freeze_feature_extractor=not args.train_front_end)
            trainees[depth] = Trainee(lobe, device)
            macs[depth] = predicted(lobe, wavs[0], args.train_front_end)
            params[depth] = sum(parameter.numel() for parameter in lobe.upstream.parameters())
    times: dict[int, list[tuple[float, float]]] = {depth: [] for depth in depths}
    for number in range(args.rounds + 1):  # the first round warms up
        for depth in depths if number % 2 else depths[::-1]:
            trainee = trainees[depth]
            pair = seconds(trainee.train, wavs, device), seconds(trainee.infer, wavs, device)
            if number:
                times[depth].append(pair)
    setting = f"{args.batch} x {args.seconds} s, {args.rounds} rounds on {device}"
    print(f"HuBERT {args.size}, {setting}; change against {whole} layers")
    print("| layers | params | training step | by MACs | inference | by MACs |")
    print("| --: | --: | --: | --: | --: | --: |")
    for depth in depths:
        cells = [f"{depth}", percent(params[depth] / params[whole])]
        for kind in (0, 1):
            ratios = [cut[kind] / full[kind] for cut, full in zip(times[depth], times[whole], strict=True)]
            cells += [percent(statistics.median(ratios)), percent(macs[depth][kind] / macs[whole][kind])]
        print("| " + " | ".join(cells) + " |")


def percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


if __name__ == "__main__":
    main()
