"""The convexity engine against nnconvexity on the same points, and against what the machine could do at best.

    python -m benchmarks.bench_convexity --sizes 1000 3000      # minutes
    python -m benchmarks.bench_convexity --sizes 10000           # the reference: 10 GB and 6 CPU minutes a run
    python -m benchmarks.bench_convexity --sizes 100000          # the engine alone, 2000 sources a class

Points have 768 dimensions, 10 classes and K = 10. Each measurement is a whole call in a child process of its own, so
that its peak memory is its own; kernels are compiled before the clock starts and that time is shown. Wall times of
the two are taken in turn and the table shows ratios of medians. CPU ratios are less disturbed by other work on the
machine, and do not credit the engine with its threads.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.convexity_parts import CLASSES, LARGE, MAX_SOURCES, NEIGHBORS, make_points, measure_parts
from s3prl_convexprune.memory import peak_memory


def peak_mb() -> float:
    """The most memory this process ever held, MiB."""
    return (peak_memory() or 0) / 2**20


def measure_reference(n: int) -> dict[str, Any]:
    from nnconvexity.graph import compute_graph_convexity

    points, labels = make_points(n)
    before, cpu, wall = peak_mb(), time.process_time(), time.perf_counter()
    score, _ = compute_graph_convexity(points, labels, n_neighbors=NEIGHBORS)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": peak_mb(),
        "added": peak_mb() - before,
        "score": float(score),
    }


def measure_engine(n: int) -> dict[str, Any]:
    from s3prl_convexprune.convexity import compile_kernels, graph_convexity

    points, labels = make_points(n)
    compile_seconds = compile_kernels()
    before, cpu, wall = peak_mb(), time.process_time(), time.perf_counter()
    result = graph_convexity(points, labels, NEIGHBORS, max_sources=MAX_SOURCES if n >= LARGE else None)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": peak_mb(),
        "added": peak_mb() - before,
        "score": result.pair_score,
        "sem": result.sem,
        "sampling_sem": result.sampling_sem,
        "compile": compile_seconds,
    }


MEASURES = {"engine": measure_engine, "reference": measure_reference, "parts": measure_parts}


def in_child(kind: str, n: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_convexity", "--child", kind, "--sizes", str(n)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {kind} {n}: " + json.dumps(record), file=sys.stderr, flush=True)
    return record


def median(records: list[dict[str, Any]], key: str) -> float:
    return statistics.median(record[key] for record in records)


def compare(sizes: list[int], repeats: int, reference_repeats: int) -> dict[int, list[dict[str, Any]]]:
    """Print the table of ratios; the engine's records come back by size."""
    engines: dict[int, list[dict[str, Any]]] = {}
    print("| N | wall ratio | CPU ratio | peak memory ratio | added memory ratio | runs, engine + reference |")
    print("|-|-|-|-|-|-|")
    for n in sizes:
        engines[n], references = [], []
        for run in range(repeats):
            if n < LARGE and run < reference_repeats:
                references.append(in_child("reference", n))
            engines[n].append(in_child("engine", n))
        if references:
            ratios = [median(references, key) / median(engines[n], key) for key in ("wall", "cpu", "peak", "added")]
            shown = f"{ratios[0]:.0f}x | {ratios[1]:.0f}x | 1/{ratios[2]:.1f} | 1/{ratios[3]:.1f}"
        else:
            shown = f"- | - | peak {median(engines[n], 'peak') / 1024:.2f} GB | -"
        print(f"| {n:,} | {shown} | {repeats} + {len(references)} |", flush=True)
    return engines


def explain(sizes: list[int], engines: dict[int, list[dict[str, Any]]]) -> None:
    """Print where the time goes, how far it is from the floors, and how it grows."""
    parts = {n: in_child("parts", n) for n in sizes}
    stages = list(next(iter(parts.values()))["seconds"])
    print("\nShare of the CPU time of one thread, and CPU time as a multiple of its floor:\n")
    print("| N | " + " | ".join(stages) + " | neighbours / product floor | paths / edges floor | all / both floors |")
    print("|-" * (len(stages) + 4) + "|")
    for n, part in parts.items():
        seconds = part["seconds"]
        total = sum(seconds.values())
        neighbors = seconds["product"] + seconds["scan"] + seconds["float64 distances"]
        floors = part["product_floor"], part["edges_floor"]
        shares = " | ".join(f"{seconds[stage] / total:.0%}" for stage in stages)
        print(
            f"| {n:,} | {shares} | {neighbors / floors[0]:.2f} | {seconds['paths'] / floors[1]:.2f} "
            f"| {total / sum(floors):.2f} |"
        )
    if len(sizes) > 1:

        def exponent(values: list[float]) -> float:
            return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])

        def per_source(n: int) -> float:
            return parts[n]["seconds"]["paths"] / (CLASSES * MAX_SOURCES if n >= LARGE else n)

        neighbors = exponent([parts[n]["seconds"]["product"] for n in sizes])
        whole = exponent([median(engines[n], "cpu") for n in sizes])
        print(
            f"\nCost grows as N to the power of: neighbours {neighbors:.2f}, paths of one source "
            f"{exponent([per_source(n) for n in sizes]):.2f}, whole call {whole:.2f} "
            f"(sources sampled from N = {LARGE:,} on)."
        )
    kept = [record for n in sizes for record in engines[n]]
    print(
        f"Compiling or loading the kernels took {max(r['compile'] for r in kept):.1f} s at most, "
        f"{min(r['compile'] for r in kept):.2f} s at least, and is not in the times."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 3_000])
    parser.add_argument("--repeats", type=int, default=3, help="runs of the engine for each size")
    parser.add_argument("--reference-repeats", type=int, help="runs of nnconvexity, as many unless said")
    parser.add_argument("--child", choices=MEASURES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(MEASURES[options.child](options.sizes[0])))
        return
    wanted = options.repeats if options.reference_repeats is None else options.reference_repeats
    engines = compare(options.sizes, options.repeats, wanted)
    explain(options.sizes, engines)


if __name__ == "__main__":
    main()
