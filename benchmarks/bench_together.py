"""Several upstreams and labels in one call of `analyze_all` against a call of `analyze` each.

    python -m benchmarks.bench_together [--rounds 3] [--per-class 5 200] [--words 5]

All of one run, interleaved, in one process that is warm: two upstreams (the tiny model and its first six layers) under
two labels, word and speaker, on the utterances of some words of the embedded corpus. CPU seconds of the process, of the
whole call: scoring too, of which nothing is saved. The ratio is one call's over the sum of four, with the least and the
most of the rounds. With 5 utterances a class the labels' samples differ and share hardly a batch; with 200 both are all
of the utterances and share every batch.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from s3prl_convexprune import compat

compat.apply()

from s3prl_convexprune.analysis import together  # noqa: E402
from s3prl_convexprune.analysis.analyze import analyze  # noqa: E402
from s3prl_convexprune.analysis.analyze_all import analyze_all  # noqa: E402
from s3prl_convexprune.corpora import open_corpus  # noqa: E402
from s3prl_convexprune.corpora.manifest import Utterance  # noqa: E402

UPSTREAMS, LABELS = ["tiny_hubert", "tiny_hubert_convexpruned_L6"], ["word", "speaker"]


def round_of(corpus: list[Utterance], settings: dict) -> tuple[float, float, float]:
    """CPU seconds of single calls, of one call, and of the passes in that."""
    own, passing = together.FedUpstream.hear, [0.0]
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        for upstream in UPSTREAMS:
            for label in LABELS:
                analyze(upstream, corpus, label, Path(folder, "one", f"{upstream}-{label}.json"), **settings)
        single = time.process_time() - start

        def hear(*arguments):
            start = time.process_time()
            found = own(*arguments)
            passing[0] += time.process_time() - start
            return found

        together.FedUpstream.hear = hear
        start = time.process_time()
        analyze_all(UPSTREAMS, corpus, LABELS, Path(folder, "all"), **settings)
        whole = time.process_time() - start
        together.FedUpstream.hear = own
        for path in Path(folder, "one").iterdir():
            assert path.read_bytes() == Path(folder, "all", path.name).read_bytes()
    return single, whole, passing[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--per-class", type=int, nargs="+", default=[5, 200])
    parser.add_argument("--words", type=int, default=5)
    arguments = parser.parse_args()
    rows = open_corpus("demo", "word")
    words = sorted({row.labels["word"] for row in rows if "word" in row.labels})[: arguments.words]
    corpus = [row for row in rows if row.labels.get("word") in words]
    round_of(corpus, {"per_class": 3, "neighbors": 3, "device": "cpu", "progress": False})
    for per_class in arguments.per_class:
        settings = {"per_class": per_class, "device": "cpu", "progress": False}
        rounds = [round_of(corpus, settings) for _ in range(arguments.rounds)]
        ratios = [whole / single for single, whole, _ in rounds]
        single, whole, passing = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(
            f"--per-class {per_class}: one call {whole:.1f} s, of which passes {passing:.1f} s, single calls "
            f"{single:.1f} s; ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
