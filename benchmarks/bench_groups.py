"""What errors by groups cost, as ratios to the plain call, and how often their intervals hold what they say.

python -m benchmarks.bench_groups                 # ratios: 20 groups one at a time, and in five blocks
python -m benchmarks.bench_groups --draws 1000    # and the coverage of 95 % intervals, many minutes
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.bench_convexity import make_points
from s3prl_convexprune.convexity import compile_kernels, graph_convexity

GROUPS = 20


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def cost(n: int, repeats: int) -> None:
    """Print the CPU time of one thread as multiples of the plain call's, medians."""
    compile_kernels()
    points, labels = make_points(n)
    groups = np.random.default_rng(0).integers(0, GROUPS, n)
    plain = cpu_seconds(lambda: graph_convexity(points, labels, n_threads=1), repeats)
    for what, blocks in ((f"{GROUPS} groups, one at a time", None), (f"{GROUPS} groups in five blocks", 5)):
        seconds = cpu_seconds(
            lambda blocks=blocks: graph_convexity(points, labels, groups=groups, n_blocks=blocks, n_threads=1),  # type: ignore[misc]
            repeats,
        )
        print(f"N = {n:,}, {what}: {seconds / plain:.1f} x the plain call")


def coverage(speakers: int, draws: int, a_class: int = 7, classes: int = 3, dims: int = 5) -> None:
    """Print how often a 95 % interval holds the mean score over all draws of speakers."""
    results = []
    means = np.random.default_rng(99).normal(size=(classes, dims))
    n = speakers * a_class * classes
    words, people = np.arange(n) % classes, np.arange(n) // classes % speakers
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        points = means[words] + 0.8 * rng.normal(size=(speakers, dims))[people] + rng.normal(size=(n, dims))
        results.append(graph_convexity(points, words, 5, groups=people))
    truth = np.mean([result.score for result in results])
    held = np.mean([low <= truth <= high for low, high in (result.interval() for result in results)])
    print(f"{speakers} speakers, {draws} draws: {100 * held:.1f} % of 95 % intervals hold the mean")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--draws", type=int, default=0, help="draws of speakers for the coverage")
    options = parser.parse_args()
    cost(options.points, options.repeats)
    for speakers in (5, 10, 20, 40) if options.draws else ():
        coverage(speakers, options.draws)


if __name__ == "__main__":
    main()
