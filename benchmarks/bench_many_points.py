"""The engine on many points: exact neighbours against faiss and a bare product, and a mixture too large for them.

    python -m benchmarks.bench_many_points --neighbours 10000 100000    # needs faiss: pip install .[approximate]
    python -m benchmarks.bench_many_points --mixture 300000              # sources auto, approximate neighbours

Points have 768 dimensions, K is 10. Each measurement is a child process; neighbours are compared by CPU time, which
other work on the machine disturbs least. faiss's flat index and the product are timed on a tenth of the rows where
there are 50,000 points or more, and scaled: both do the same work for every row. The mixture: 35 classes on a
20-dimensional sheet with noise in all dimensions, made block by block into a file that is mapped, not read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_convexity import peak_mb
from benchmarks.convexity_parts import DIMENSIONS, NEIGHBORS, make_points

CLASSES, SHEET, BLOCK = 35, 20, 8192


def make_mixture(n: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The points, mapped from the disk, and their labels."""
    rng = np.random.default_rng(n)
    labels = rng.integers(CLASSES, size=n)
    centres, axes = rng.normal(size=(CLASSES, SHEET)), rng.normal(size=(SHEET, DIMENSIONS)) / np.sqrt(SHEET)
    points = np.lib.format.open_memmap(path, "w+", np.float32, (n, DIMENSIONS))
    for start in range(0, n, BLOCK):
        mine = labels[start : start + BLOCK]
        sheet = 0.8 * centres[mine] + rng.normal(size=(len(mine), SHEET))
        points[start : start + BLOCK] = sheet @ axes + 0.3 * rng.standard_normal((len(mine), DIMENSIONS))
    points.flush()
    return np.load(path, mmap_mode="r"), labels


def measure_mixture(n: int) -> dict[str, Any]:
    from s3prl_convexprune.convexity import NeighborGraph, compile_kernels, graph_convexity
    from s3prl_convexprune.convexity.approximate import ApproximateSearch
    from s3prl_convexprune.convexity.approximation import effect_on_score

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        points, labels = make_mixture(n, Path(folder, "points.npy"))
        compile_kernels()
        search = ApproximateSearch()
        marks = [(time.process_time(), time.perf_counter())]
        graph = NeighborGraph.build(points, NEIGHBORS, search=search)
        marks.append((time.process_time(), time.perf_counter()))
        print(f"  neighbours {search} {np.subtract(marks[1], marks[0])}", file=sys.stderr, flush=True)
        result = graph_convexity(None, labels, NEIGHBORS, graph=graph, max_sources="auto")
        marks.append((time.process_time(), time.perf_counter()))
        effect = effect_on_score(points, labels, search, NEIGHBORS)
        marks.append((time.process_time(), time.perf_counter()))
    cpu, wall = np.diff(np.array(marks), axis=0).T.tolist()
    return {
        "score": result.score,
        "sem": result.sem,
        "sampling_sem": result.sampling_sem,
        "sources a class": result.settings["n_sources"] / CLASSES,
        "recall": search.recall,
        "probes": [search.probes, search.lists],
        "effect": None if effect is None else [effect.change, effect.error],
        "cpu of neighbours, paths, effect": cpu,
        "wall of the same": wall,
        "peak MB, mapped pages included": peak_mb(),
    }


def measure_ours(n: int) -> dict[str, Any]:
    from s3prl_convexprune.convexity import NeighborGraph, compile_kernels

    points, _ = make_points(n)
    compile_kernels()
    started = time.process_time()
    NeighborGraph.build(points, NEIGHBORS)
    return {"cpu": time.process_time() - started}


def measure_flat(n: int) -> dict[str, Any]:
    import faiss

    points, _ = make_points(n)
    rows = n // 10 if n >= 50_000 else n
    started = time.process_time()
    index = faiss.IndexFlatL2(DIMENSIONS)
    index.add(points)
    index.search(points[:rows], NEIGHBORS + 1)
    return {"cpu": (time.process_time() - started) * n / rows}


def measure_product(n: int) -> dict[str, Any]:
    points, _ = make_points(n)
    rows = n // 10 if n >= 50_000 else n
    started = time.process_time()
    for start in range(0, rows, 1024):
        points[start : min(start + 1024, rows)] @ points.T
    return {"cpu": (time.process_time() - started) * n / rows}


MEASURES = {"ours": measure_ours, "flat": measure_flat, "product": measure_product, "mixture": measure_mixture}


def in_child(kind: str, n: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_many_points", "--child", kind, str(n)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {kind} {n}: " + json.dumps(record), file=sys.stderr, flush=True)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbours", type=int, nargs="+", default=[], help="compare the exact search at these sizes")
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison at each size")
    parser.add_argument("--mixture", type=int, nargs="+", default=[], help="score mixtures of these sizes")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(MEASURES[options.child[0]](int(options.child[1]))))
        return
    if options.neighbours:
        print("CPU time, ratios of medians:\n\n| N | faiss flat / ours | bare product / ours |\n|-|-|-|")
    for n in options.neighbours:
        runs = [[in_child(kind, n)["cpu"] for kind in ("ours", "flat", "product")] for _ in range(options.repeats)]
        ours, flat, product = np.median(runs, axis=0)
        print(f"| {n:,} | {flat / ours:.2f} | {product / ours:.2f} |", flush=True)
    for n in options.mixture:
        for name, value in in_child("mixture", n).items():
            print(f"{name}: {value}", flush=True)


if __name__ == "__main__":
    main()
