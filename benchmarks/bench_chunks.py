"""What it costs to hear an utterance window by window: accuracy of an exported head, whole against chunks.

    python -m benchmarks.bench_chunks MANIFEST OUT [OUT ...] [--chunk 1.0 0.5] [--hop 0.25]

OUT are exports of one cut whose heads were trained with different seeds; their errors are averaged an utterance first.
The answer of an utterance is that of the mean of its windows' probabilities, or of the majority of their answers
(the mean where two have as many). Printed are the accuracy, the difference to whole utterances with its 95 % interval
over utterances, and McNemar's exact test over all answers.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from s3prl_convexprune.corpora.audio import load_audio
from s3prl_convexprune.corpora.manifest import read_manifest
from s3prl_convexprune.deploy.answer import Answer, Labels, Slots
from s3prl_convexprune.deploy.predict import load
from s3prl_convexprune.deploy.streaming import windows
from s3prl_convexprune.results.bootstrap import paired_difference
from s3prl_convexprune.sampling import SAMPLE_RATE
from s3prl_convexprune.tasks.table import TASKS


def labels_of(answer: Answer) -> Labels:
    if isinstance(answer, (str, Slots)):
        raise SystemExit("expected heads that give one label an utterance")
    return answer


def by_mean(answers: list[Labels]) -> str:
    return max(answers[0], key=lambda label: sum(answer[label] for answer in answers))


def by_majority(answers: list[Labels]) -> str:
    votes = Counter(max(answer, key=lambda label: answer[label]) for answer in answers)
    most = [label for label, count in votes.items() if count == max(votes.values())]
    return max(most, key=lambda label: sum(answer[label] for answer in answers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("exports", nargs="+", type=Path)
    parser.add_argument("--chunk", type=float, nargs="+", default=[1.0, 0.5])
    parser.add_argument("--hop", type=float, default=0.25)
    args = parser.parse_args()
    rows = read_manifest(args.manifest)
    wavs = [load_audio(row.path) for row in rows]
    wrong: dict[str, list[np.ndarray]] = {}
    for folder in args.exports:
        predictor = load(folder, threads=1)
        assert predictor.facts.task is not None
        truth = [row.labels[TASKS[predictor.facts.task].label] for row in rows]

        def record(way: str, said: list[str], truth: list[str] = truth) -> None:
            wrong.setdefault(way, []).append(np.array([one != other for one, other in zip(said, truth, strict=True)]))

        record("whole", [next(iter(labels_of(predictor(wav)))) for wav in wavs])
        for chunk in args.chunk:
            heard = [
                [
                    labels_of(predictor(window))
                    for _, window in windows([wav], round(chunk * SAMPLE_RATE), round(args.hop * SAMPLE_RATE))
                    if len(window) >= predictor.facts.shortest
                ]
                for wav in wavs
            ]
            record(f"{chunk:g} s, mean", [by_mean(answers) for answers in heard])
            record(f"{chunk:g} s, majority", [by_majority(answers) for answers in heard])
    seconds = [len(wav) / SAMPLE_RATE for wav in wavs]
    print(f"{len(wavs)} utterances of {min(seconds):.2f} to {max(seconds):.2f} s, median {np.median(seconds):.2f} s")
    whole = np.array(wrong["whole"])
    for way, found in wrong.items():
        errors = np.array(found)
        gap = paired_difference([errors.mean(0)], [whole.mean(0)], [np.ones(len(wavs))], higher_is_better=True)
        lost, gained = int((errors & ~whole).sum()), int((whole & ~errors).sum())
        p = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
        print(
            f"{way:14s} {100 * (1 - errors.mean()):6.2f} %  {gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]  "
            f"lost {lost}, gained {gained} of {errors.size}, McNemar p {p:.2g}"
        )


if __name__ == "__main__":
    main()
